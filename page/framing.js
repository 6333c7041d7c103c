"use strict";
// From a drawing to the pixels that the network reads, by the rules of pipeline/framing.py.
// Here the strokes are known, so the ink is computed from lines and not from a picture.

const { image_side: IMAGE_SIDE, digit_side: DIGIT_SIDE, pen_widths: PEN_WIDTHS } = MODEL;
const MOST_POINTS = 4000; // if a drawing has n times as many points, only every nth is used, to save time
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// Returns pixels in [0, 1], row by row. A stroke is a list of points [x, y].
function normalize(drawing, penWidth) {
  const step = Math.ceil(drawing.flat().length / MOST_POINTS);
  const strokes = drawing.map(stroke => stroke.filter((_, i) => i % step === 0 || i === stroke.length - 1));
  const points = strokes.flat(), xs = points.map(([x, y]) => x), ys = points.map(([x, y]) => y);
  const left = Math.min(...xs), top = Math.min(...ys);
  const across = Math.max(...xs) - left, down = Math.max(...ys) - top, length = Math.max(across, down);
  const width = clamp(DIGIT_SIDE * penWidth / (length + penWidth), ...PEN_WIDTHS);
  const scale = Math.min((DIGIT_SIDE - width) / length, DIGIT_SIDE / penWidth); // a dot stays small
  const place = ([x, y]) => [(x - left) * scale + width / 2, (y - top) * scale + width / 2];

  const pixels = new Array(IMAGE_SIDE ** 2).fill(0);
  for (const stroke of strokes) {
    const places = stroke.map(place);
    places.forEach((to, i) => addLine(pixels, places[i - 1] ?? to, to, width / 2 + 0.5));
  }

  const shift = (extent, index) => { // moves the centre of mass to the middle of the image
    const centre = sum(pixels.map((v, i) => v * (index(i) + 0.5))) / sum(pixels);
    return clamp(Math.round(IMAGE_SIDE / 2 - centre), 0, Math.floor(IMAGE_SIDE - extent * scale - width));
  };
  const columns = shift(across, i => i % IMAGE_SIDE), rows = shift(down, i => Math.floor(i / IMAGE_SIDE));
  return pixels.map((_, i) => pixels[i - rows * IMAGE_SIDE - columns] ?? 0);
}

// The ink falls from 1 to 0 over one pixel. It is 0 for pixels whose centre is `reach` or more from the line.
function addLine(pixels, [x, y], to, reach) {
  const dx = to[0] - x, dy = to[1] - y, squared = dx * dx + dy * dy;
  const first = (a, b) => Math.max(Math.floor(Math.min(a, b) - reach), 0); // pixel within reach
  const last = (a, b) => Math.min(Math.floor(Math.max(a, b) + reach), IMAGE_SIDE - 1);
  for (let row = first(y, to[1]), lastRow = last(y, to[1]); row <= lastRow; row++) {
    for (let column = first(x, to[0]), lastColumn = last(x, to[0]); column <= lastColumn; column++) {
      const i = row * IMAGE_SIDE + column;
      if (pixels[i] === 1) continue;
      const px = column + 0.5 - x, py = row + 0.5 - y;
      const along = squared && clamp((px * dx + py * dy) / squared, 0, 1); // 0 for a dot
      const distance = Math.sqrt((px - along * dx) ** 2 + (py - along * dy) ** 2);
      pixels[i] = Math.max(pixels[i], clamp(reach - distance, 0, 1));
    }
  }
}
