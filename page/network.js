"use strict";
// Computes the network of model.js. Each layer takes { shape: [channels, height, width], values } and returns the same.

const EPS = 1e-5; // torch's default for its normalizations
const sum = values => values.reduce((a, b) => a + b);

const LAYERS = {
  LayerNorm(layer, { shape, values }) {
    const mean = sum(values) / values.length;
    const variance = sum(values.map(v => (v - mean) ** 2)) / values.length;
    return { shape, values: values.map(v => (v - mean) / Math.sqrt(variance + EPS)) };
  },
  Conv2d({ weight, bias, stride = 1 }, image) {
    const [filters, channels, size = 1] = weight.shape;
    return slide(image, filters, size, stride, (window, f) => {
      let total = bias?.values[f] ?? 0;
      window.forEach((v, i) => { total += v * weight.values[f * window.length + i]; });
      return total;
    });
  },
  MaxPool2d: ({ kernel_size: size, stride }, image) =>
    slide(image, image.shape[0], size, stride, (window, c) =>
      Math.max(...window.slice(c * size ** 2, (c + 1) * size ** 2))),
  BatchNorm2d({ weight, bias, running_mean, running_var }, { shape, values }) {
    const area = shape[1] * shape[2];
    const standardize = (v, c) => (v - running_mean.values[c]) / Math.sqrt(running_var.values[c] + EPS);
    const scale = (v, c) => standardize(v, c) * weight.values[c] + bias.values[c];
    return { shape, values: values.map((v, i) => scale(v, Math.floor(i / area))) };
  },
  ReLU: (layer, { shape, values }) => ({ shape, values: values.map(v => Math.max(v, 0)) }),
  Flatten: (layer, { values }) => ({ shape: [values.length, 1, 1], values }),
};
LAYERS.BatchNorm1d = LAYERS.BatchNorm2d;
LAYERS.Linear = LAYERS.Conv2d; // its windows are single pixels

// Moves a window over an image. `compute` gets its pixels in all channels, and returns the value of one output channel.
function slide({ shape: [channels, height, width], values }, filters, size, stride, compute) {
  const offsets = []; // from the first pixel of a window to each of its pixels
  for (let c = 0; c < channels; c++)
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++) offsets.push((c * height + y) * width + x);
  const windows = [];
  for (let top = 0; top <= height - size; top += stride)
    for (let left = 0; left <= width - size; left += stride)
      windows.push(offsets.map(offset => values[top * width + left + offset]));
  const rows = Math.floor((height - size) / stride) + 1;
  const results = Array.from({ length: filters }, (_, f) => windows.map(window => compute(window, f)));
  return { shape: [filters, rows, windows.length / rows], values: results.flat() };
}

function computeLogits(pixels) { // row by row, in [0, 1]
  let image = { shape: [1, MODEL.image_side, MODEL.image_side], values: pixels };
  for (const layer of MODEL.layers) image = LAYERS[layer.kind](layer, image);
  return image.values;
}

function predictProbabilities(pixels) { // one for each class
  const logits = computeLogits(pixels), highest = Math.max(...logits);
  const powers = logits.map(logit => Math.exp(logit - highest));
  return powers.map(power => power / sum(powers));
}

function matchesTorch({ bytes, logits }) { // for a test image of model.js
  const computed = computeLogits(bytes.map(byte => byte / 255));
  return logits.every((logit, k) => Math.abs(computed[k] - logit) < 1e-4); // false for NaN
}
