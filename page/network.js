"use strict";
// The network of model.js: each layer takes and gives { shape: [channels, height, width], values }.

const EPS = 1e-5; // of torch's normalizations

const LAYERS = {
  LayerNorm(layer, { shape, values }) {
    const mean = sum(values) / values.length;
    const variance = sum(values.map(v => (v - mean) ** 2)) / values.length;
    return { shape, values: values.map(v => (v - mean) / Math.sqrt(variance + EPS)) };
  },
  Conv2d({ weight, bias, stride: [stride] = [1] }, image) {
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
LAYERS.Linear = LAYERS.Conv2d; // whose windows are single pixels

const sum = values => values.reduce((a, b) => a + b);

// By value(filter, window) in each window that fits, where window(c) cuts it out of a channel.
function slide({ shape: [, height, width], values }, filters, size, stride, value) {
  const rows = Math.floor((height - size) / stride) + 1;
  const columns = Math.floor((width - size) / stride) + 1;
  const cut = (channel, top, left) => {
    const found = [];
    for (let y = top; y < top + size; y++)
      for (let x = left; x < left + size; x++) found.push(values[(channel * height + y) * width + x]);
    return found;
  };
  const found = [];
  for (let f = 0; f < filters; f++)
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++) found.push(value(f, c => cut(c, y * stride, x * stride)));
  return { shape: [filters, rows, columns], values: found };
}

function logits(pixels) { // of a frame, row by row, in [0, 1]
  const image = { shape: [1, MODEL.frame, MODEL.frame], values: pixels };
  return MODEL.layers.reduce((signal, layer) => LAYERS[layer.kind](layer, signal), image).values;
}

function classify(pixels) { // the probability of each class
  const found = logits(pixels), most = Math.max(...found);
  const powers = found.map(logit => Math.exp(logit - most));
  return powers.map(power => power / sum(powers));
}

function computesAsTorch() { // on the rings that export.py drew
  const equal = (found, expected) => found.length === MODEL.classes.length
    && found.every((logit, k) => Math.abs(logit - expected[k]) < 1e-4); // false for NaN
  return MODEL.rings.length > 0 && MODEL.rings.every(ring => equal(logits(ring.pixels), ring.logits));
}
