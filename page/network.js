"use strict";
// The network of model.js. An image, and what each layer takes and gives, is
// { shape: [channels, height, width], values }.

const LAYERS = {
  LayerNorm({ eps }, { shape, values }) {
    const mean = values.reduce((sum, v) => sum + v) / values.length;
    const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
    return { shape, values: values.map(v => (v - mean) / Math.sqrt(variance + eps)) };
  },
  Conv2d({ weight, bias, stride: [down, across] }, { shape: [channels, height, width], values }) {
    const [filters, , rows, columns] = weight.shape;
    const shape = [filters, windows(height, rows, down), windows(width, columns, across)];
    return fill(shape, (f, y, x) => {
      let sum = bias?.values[f] ?? 0, w = f * channels * rows * columns;
      for (let c = 0; c < channels; c++)
        for (let r = 0; r < rows; r++)
          for (let k = 0, i = (c * height + y * down + r) * width + x * across; k < columns; k++)
            sum += weight.values[w++] * values[i++];
      return sum;
    });
  },
  MaxPool2d({ kernel_size: size, stride }, { shape: [channels, height, width], values }) {
    const shape = [channels, windows(height, size, stride), windows(width, size, stride)];
    return fill(shape, (c, y, x) => {
      let most = -Infinity;
      for (let r = 0; r < size; r++)
        for (let k = 0; k < size; k++)
          most = Math.max(most, values[(c * height + y * stride + r) * width + x * stride + k]);
      return most;
    });
  },
  BatchNorm2d({ weight, bias, running_mean, running_var, eps }, { shape, values }) {
    const area = values.length / shape[0];
    const slopes = weight.values.map((w, c) => w / Math.sqrt(running_var.values[c] + eps));
    const scale = (v, c) => (v - running_mean.values[c]) * slopes[c] + bias.values[c];
    return { shape, values: values.map((v, i) => scale(v, Math.floor(i / area))) };
  },
  BatchNorm1d: (layer, input) => LAYERS.BatchNorm2d(layer, input),
  ReLU: (layer, { shape, values }) => ({ shape, values: values.map(v => Math.max(v, 0)) }),
  Flatten: (layer, { values }) => ({ shape: [values.length, 1, 1], values }),
  Linear: ({ weight, bias }, { values }) => fill([weight.shape[0], 1, 1], o =>
    values.reduce((sum, v, i) => sum + v * weight.values[o * values.length + i], bias?.values[o] ?? 0)),
};

function windows(length, size, stride) { // that fit
  return Math.floor((length - size) / stride) + 1;
}

function fill(shape, value) {
  const [channels, height, width] = shape, values = new Float64Array(channels * height * width);
  let i = 0;
  for (let c = 0; c < channels; c++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) values[i++] = value(c, y, x);
  return { shape, values };
}

function logits(image) {
  return [...MODEL.layers.reduce((signal, layer) => LAYERS[layer.kind](layer, signal), image).values];
}

function classify(image) {
  const found = logits(image), most = Math.max(...found);
  const powers = found.map(logit => Math.exp(logit - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map(power => power / sum);
}

function computesAsTorch() { // on the rings that export.py drew
  const equal = (found, expected) => found.length === MODEL.classes.length
    && found.every((logit, k) => Math.abs(logit - expected[k]) < 1e-4); // false for NaN
  return MODEL.rings.length > 0 && MODEL.rings.every(({ pixels, logits: expected }) =>
    equal(logits({ shape: [1, MODEL.frame, MODEL.frame], values: Float64Array.from(pixels) }), expected));
}
