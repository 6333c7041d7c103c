"use strict";
// From a drawing to the pixels that the network reads, by the rules of pipeline/framing.py.
// Here the strokes are known, so the ink is computed from lines and not from a picture.

const { image_side: IMAGE_SIDE, digit_side: DIGIT_SIDE, pen_widths: PEN_WIDTHS } = MODEL;
const SHORTEST_LINE = 0.5; // pixels: shorter lines would take time and change nothing

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// Pixels of strokes, row by row, in [0, 1]. A stroke is a list of points [x, y].
function normalize(strokes, penWidth) {
  let left = Infinity, right = -Infinity, top = Infinity, bottom = -Infinity;
  for (const [x, y] of strokes.flat()) {
    [left, right] = [Math.min(left, x), Math.max(right, x)];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
  }
  const length = Math.max(right - left, bottom - top);
  const width = clamp(DIGIT_SIDE * penWidth / (length + penWidth), ...PEN_WIDTHS);
  const scale = Math.min((DIGIT_SIDE - width) / length, DIGIT_SIDE / penWidth); // a dot stays small
  const place = ([x, y]) => [(x - left) * scale + width / 2, (y - top) * scale + width / 2];

  const pixels = new Array(IMAGE_SIDE ** 2).fill(0);
  for (const stroke of strokes) {
    let from = place(stroke[0]);
    stroke.forEach((point, i) => {
      const to = place(point);
      if (i < stroke.length - 1 && Math.hypot(to[0] - from[0], to[1] - from[1]) < SHORTEST_LINE) return;
      addLine(pixels, from, to, width / 2 + 0.5);
      from = to;
    });
  }

  const shift = (extent, index) => { // moves the centre of mass to the middle of the image
    const centre = sum(pixels.map((v, i) => v * (index(i) + 0.5))) / sum(pixels);
    const room = Math.floor(IMAGE_SIDE - extent * scale - width);
    return clamp(Math.round(IMAGE_SIDE / 2 - centre), 0, room);
  };
  const across = shift(right - left, i => i % IMAGE_SIDE);
  const down = shift(bottom - top, i => Math.floor(i / IMAGE_SIDE));
  return pixels.map((_, i) => pixels[i - down * IMAGE_SIDE - across] ?? 0);
}

// A pixel's ink falls from 1 to 0 within one pixel, and is 0 where its centre is `reach` from the line.
function addLine(pixels, [x, y], to, reach) {
  const dx = to[0] - x, dy = to[1] - y, squared = dx * dx + dy * dy;
  const span = (a, b) => [ // the first pixel within reach, and the one after the last
    Math.max(Math.floor(Math.min(a, b) - reach), 0),
    Math.min(Math.ceil(Math.max(a, b) + reach), IMAGE_SIDE),
  ];
  const [left, right] = span(x, to[0]), [top, bottom] = span(y, to[1]);
  for (let row = top; row < bottom; row++) {
    for (let column = left; column < right; column++) {
      const i = row * IMAGE_SIDE + column;
      if (pixels[i] === 1) continue;
      const px = column + 0.5 - x, py = row + 0.5 - y;
      const along = squared && clamp((px * dx + py * dy) / squared, 0, 1); // 0 for a dot
      const distance = Math.sqrt((px - along * dx) ** 2 + (py - along * dy) ** 2);
      pixels[i] = Math.max(pixels[i], clamp(reach - distance, 0, 1));
    }
  }
}
