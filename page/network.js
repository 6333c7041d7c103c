"use strict";
// Computes the network of model.js. Each layer takes { shape: [channels, height, width], values } and returns the same.

const EPS = 1e-5; // torch's default for its normalizations

const LAYERS = {
  LayerNorm(layer, { shape, values }) {
    const mean = sum(values) / values.length;
    const variance = sum(values.map(v => (v - mean) ** 2)) / values.length;
    return { shape, values: values.map(v => (v - mean) / Math.sqrt(variance + EPS)) };
  },
  Conv2d({ weight, bias, stride = 1 }, image) {
    const [filters, channels, size = 1] = weight.shape;
    return slide(image, filters, size, stride, (f, window) => {
      let total = bias?.values[f] ?? 0, w = f * channels * size * size;
      for (let c = 0; c < channels; c++)
        for (const v of window(c)) total += v * weight.values[w++];
      return total;
    });
  },
  MaxPool2d: ({ kernel_size: size, stride }, image) =>
    slide(image, image.shape[0], size, stride, (c, window) => Math.max(...window(c))),
  BatchNorm2d({ weight, bias, running_mean, running_var }, { shape, values }) {
    const scales = running_var.values.map((v, c) => weight.values[c] / Math.sqrt(v + EPS));
    const scale = (v, c) => (v - running_mean.values[c]) * scales[c] + bias.values[c];
    const area = shape[1] * shape[2];
    return { shape, values: values.map((v, i) => scale(v, Math.floor(i / area))) };
  },
  ReLU: (layer, { shape, values }) => ({ shape, values: values.map(v => Math.max(v, 0)) }),
  Flatten: (layer, { values }) => ({ shape: [values.length, 1, 1], values }),
};
LAYERS.BatchNorm1d = LAYERS.BatchNorm2d;
LAYERS.Linear = LAYERS.Conv2d; // its windows are single pixels

const sum = values => values.reduce((a, b) => a + b);

// Applies value(filter, window) at every position of the window; window(c) returns the pixels of channel c in it.
function slide({ shape: [, height, width], values }, filters, size, stride, value) {
  const rows = Math.floor((height - size) / stride) + 1;
  const columns = Math.floor((width - size) / stride) + 1;
  const cut = (channel, top, left) => {
    const window = [];
    for (let y = top; y < top + size; y++)
      for (let x = left; x < left + size; x++) window.push(values[(channel * height + y) * width + x]);
    return window;
  };
  const results = [];
  for (let f = 0; f < filters; f++)
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++) results.push(value(f, c => cut(c, y * stride, x * stride)));
  return { shape: [filters, rows, columns], values: results };
}

function computeLogits(pixels) { // row by row, in [0, 1]
  const image = { shape: [1, MODEL.image_side, MODEL.image_side], values: pixels };
  return MODEL.layers.reduce((signal, layer) => LAYERS[layer.kind](layer, signal), image).values;
}

function predictProbabilities(pixels) { // one for each class
  const logits = computeLogits(pixels), highest = Math.max(...logits);
  const powers = logits.map(logit => Math.exp(logit - highest));
  return powers.map(power => power / sum(powers));
}

function matchesTorch() { // on the test images of model.js
  const isClose = (logits, expected) => logits.length === MODEL.classes.length
    && logits.every((logit, k) => Math.abs(logit - expected[k]) < 1e-4); // false for NaN
  return MODEL.test_images.every(({ bytes, logits }) => isClose(computeLogits(bytes.map(byte => byte / 255)), logits));
}
