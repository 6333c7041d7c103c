"use strict";
// From a drawing to what the network sees. As pipeline/framing.py frames ink, but here its lines
// [[x, y], [x, y]] are known: they are drawn anew as long as MNIST's digits, with a pen as theirs.

const { frame: IMAGE_SIDE, box: DIGIT_SIDE, pen_range: PEN_RANGE } = MODEL;
const seen = document.querySelector("#seen").getContext("2d", { willReadFrequently: true });

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

function trace(context, lines, width) {
  context.lineWidth = width;
  context.lineCap = "round";
  context.beginPath();
  for (const [from, [x, y]] of lines) {
    context.moveTo(...from);
    context.lineTo(x + 0.01, y); // a line of no length would not be a dot everywhere
  }
  context.stroke();
}

function readPixels() { // of what it sees, row by row, in [0, 1]
  const { data } = seen.getImageData(0, 0, IMAGE_SIDE, IMAGE_SIDE);
  return Array.from({ length: IMAGE_SIDE ** 2 }, (_, i) => data[4 * i + 3] / 255);
}

function readsTruly() { // some browsers give white or noise, against tracking
  seen.clearRect(0, 0, IMAGE_SIDE, IMAGE_SIDE);
  seen.fillRect(0, 0, IMAGE_SIDE, IMAGE_SIDE / 2);
  return readPixels().every((v, i) => (v > 0.5) === (i < IMAGE_SIDE ** 2 / 2));
}

function frame(lines, pen) { // pixels of what a pen of this width drew, or null for nothing
  seen.clearRect(0, 0, IMAGE_SIDE, IMAGE_SIDE);
  if (!lines.length) return null;
  const [x, y] = [0, 1].map(axis => lines.flat().map(point => point[axis]).sort((a, b) => a - b));
  const length = Math.max(x.at(-1) - x[0], y.at(-1) - y[0]);
  const width = clamp(DIGIT_SIDE * pen / (length + pen), ...PEN_RANGE);
  const scale = Math.min((DIGIT_SIDE - width) / length, DIGIT_SIDE / pen); // a dot stays one
  const place = point => [x, y].map((places, axis) => (point[axis] - places[0]) * scale + width / 2);
  seen.strokeStyle = "white";
  trace(seen, lines.map(line => line.map(place)), width);

  const values = readPixels(), image = seen.getImageData(0, 0, IMAGE_SIDE, IMAGE_SIDE);
  const shift = (places, index) => { // by which the centre of mass comes to the middle
    const centre = sum(values.map((v, i) => v * (index(i) + 0.5))) / sum(values);
    const extent = (places.at(-1) - places[0]) * scale + width;
    return clamp(Math.round(IMAGE_SIDE / 2 - centre), 0, Math.floor(IMAGE_SIDE - extent));
  };
  seen.clearRect(0, 0, IMAGE_SIDE, IMAGE_SIDE);
  seen.putImageData(image, shift(x, i => i % IMAGE_SIDE), shift(y, i => Math.floor(i / IMAGE_SIDE)));
  return readPixels();
}
