"use strict";
// From a drawing to what the network sees: the function `frame` of pipeline/framing.py, step by step.

const { fine: FINE, pen_range: PEN_RANGE } = MODEL;
const ROOM = Math.ceil(FINE * PEN_RANGE[0] / 2); // by which the thinnest pen grows

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

function frame(image) { // null where nothing is drawn
  const { frame: side, box } = MODEL, ink = crop(image);
  if (!ink) return null;
  let fine = resize(ink, FINE * box);
  fine = part(fine, -ROOM, -ROOM, fine.shape[1] + 2 * ROOM, fine.shape[2] + 2 * ROOM);
  const width = penWidth(fine) / FINE;
  const steps = Math.round((clamp(width, ...PEN_RANGE) - width) * FINE / 2);
  fine = spread(fine, Math.abs(steps), steps > 0 ? Math.max : Math.min);
  return centre(resize(crop(fine), box), side);
}

function part({ shape: [, height, width], values }, top, left, rows, columns) { // outside is 0
  const inside = (y, x) => y >= 0 && x >= 0 && y < height && x < width;
  return fill([1, rows, columns], (c, y, x) =>
    inside(y + top, x + left) ? values[(y + top) * width + x + left] : 0);
}

function crop(image) { // to its ink, or null
  const [, height, width] = image.shape;
  let top = height, left = width, bottom = 0, right = 0;
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      if (image.values[i++] <= 0.1) continue;
      [top, bottom] = [Math.min(top, y), y + 1];
      [left, right] = [Math.min(left, x), Math.max(right, x + 1)];
    }
  return right ? part(image, top, left, bottom - top, right - left) : null;
}

function resize({ shape: [, height, width], values }, longer) { // by area averages
  const scale = longer / Math.max(height, width);
  const [rows, columns] = [height, width].map(side => Math.max(Math.round(side * scale), 1));
  return fill([1, rows, columns], (c, y, x) => {
    const top = Math.floor(y * height / rows), bottom = Math.ceil((y + 1) * height / rows);
    const left = Math.floor(x * width / columns), right = Math.ceil((x + 1) * width / columns);
    let sum = 0;
    for (let j = top; j < bottom; j++)
      for (let i = left; i < right; i++) sum += values[j * width + i];
    return sum / (bottom - top) / (right - left);
  });
}

// Four times the mean distance to the edge, in a chess king's moves.
function penWidth({ shape: [, , width], values }) {
  const distances = values.map(v => v > 0.5 ? Infinity : 0);
  const inside = [...distances.keys()].filter(i => distances[i]);
  for (const back of [-1, 1]) { // once from the top left, once from the bottom right
    for (const i of inside) {
      const above = i + back * width;
      const beyond = Math.min(distances[i + back], distances[above - 1], distances[above], distances[above + 1]);
      distances[i] = Math.min(distances[i], 1 + beyond);
    }
    inside.reverse();
  }
  return 4 * (inside.reduce((sum, i) => sum + distances[i], 0) / inside.length - 0.5);
}

function spread(image, radius, choose) { // Math.max widens, Math.min thins
  for (let reached = 0, step; reached < radius; reached += step) {
    step = Math.min(2 * reached + 1, radius - reached); // three times as far each time
    image = spreadAcross(spreadAcross(image, step, choose), step, choose);
  }
  return image;
}

function spreadAcross({ shape: [, height, width], values }, step, choose) { // and swaps rows and columns
  const pixel = (y, x) => values[y * width + clamp(x, 0, width - 1)];
  return fill([1, width, height], (c, x, y) => choose(pixel(y, x - step), pixel(y, x), pixel(y, x + step)));
}

function centre(image, side) { // its mass amid side × side pixels
  const { shape: [, height, width], values } = image, mass = values.reduce((sum, v) => sum + v);
  const offset = (length, index) => {
    const middle = values.reduce((sum, v, i) => sum + v * (index(i) + 0.5), 0) / mass;
    return clamp(Math.round(side / 2 - middle), 0, side - length);
  };
  return part(image, -offset(height, i => Math.floor(i / width)), -offset(width, i => i % width), side, side);
}
