"use strict";
// The page: it draws, answers once the pen rests, and starts if all is in order.

const element = id => document.getElementById(id);
const drawing = element("drawing"), canvas = drawing.querySelector("canvas");
const paper = canvas.getContext("2d", { willReadFrequently: true });
const SIDE = canvas.width, PEN = SIDE / 14; // pixels
const REST = 100, SILENCE = 600; // milliseconds from the last point to an answer, and on to its announcement
const MOVES = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

let pointer = null, last; // which draws, and its last point [x, y]
let cursor = [SIDE / 2, SIDE / 4], lowered = false; // the pen of the keyboard
let answering, announcing; // timers

function draw(from, [x, y]) {
  paper.beginPath();
  paper.moveTo(...from);
  paper.lineTo(x + 0.01, y); // a line of no length would not be a dot everywhere
  paper.stroke();
  clearTimeout(answering); // never between two points of a stroke
  answering = setTimeout(answer, REST);
}

function clear() {
  pointer = null;
  lower(false);
  paper.clearRect(0, 0, SIDE, SIDE);
  clearTimeout(answering);
  answer();
}

function readInk(context, side) {
  const { data } = context.getImageData(0, 0, side, side), values = new Float32Array(side * side);
  for (let i = 0; i < values.length; i++) values[i] = data[4 * i + 3] / 255;
  return { shape: [1, side, side], values };
}

function readsTruly() { // some browsers give white or noise, against tracking
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillRect(0, 0, 16, 8);
  return readInk(probe, 16).values.every((v, i) => (v > 0.5) === (i < 16 * 8));
}

function answer() {
  const readable = readsTruly();
  show(readable ? frame(readInk(paper, SIDE)) : null);
  element("error").textContent = readable ? "" : "This browser hides the drawing from the page: "
    + "allow canvas image data (an icon beside the address), then draw on.";
}

function show(image) { // null where nothing is drawn
  const probabilities = image ? classify(image) : [];
  const best = probabilities.indexOf(Math.max(...probabilities)), name = MODEL.classes[best];
  const seen = new ImageData(MODEL.frame, MODEL.frame);
  image?.values.forEach((v, i) => seen.data.set([255 * v, 255 * v, 255 * v, 255], 4 * i));
  element("seen").getContext("2d").putImageData(seen, 0, 0);
  element("guess").textContent = image ? name : "Nothing drawn yet";
  element("guess").classList.toggle("nothing", !image);
  [...element("bars").children].forEach((row, k) => {
    const percent = image ? `${(100 * probabilities[k]).toFixed(1)}%` : "–";
    row.classList.toggle("best", k === best);
    row.querySelector(".fill").style.width = image ? percent : 0;
    row.lastChild.textContent = percent;
    if (k === best) element("bars").scrollTop = row.offsetTop - element("bars").clientHeight / 2;
  });
  const text = image ? `${name}, ${Math.round(100 * probabilities[best])} percent` : "Nothing drawn";
  clearTimeout(announcing);
  announcing = setTimeout(() => { element("live").textContent = text; }, SILENCE);
}

function lower(down) {
  if (down !== lowered) element("live").textContent = down ? "Pen down" : "Pen up";
  lowered = down;
  if (down) draw(cursor, cursor);
}

function position({ clientX, clientY }) {
  const { left, top, width, height } = drawing.getBoundingClientRect();
  return [(clientX - left) * SIDE / width, (clientY - top) * SIDE / height];
}

function press(event) {
  if (pointer !== null || event.button !== 0) return; // the first one draws, with the left button
  pointer = event.pointerId;
  draw(last = position(event), last);
  drawing.setPointerCapture(pointer);
}

function move(event) {
  if (event.pointerId !== pointer) return;
  const events = event.getCoalescedEvents?.() ?? [];
  for (const point of events.length ? events : [event]) draw(last, last = position(point));
}

function release(event) {
  if (event.pointerId === pointer) pointer = null;
}

function type(event) {
  const { key } = event;
  if (event.altKey || event.ctrlKey || event.metaKey) return; // belongs to the browser
  if (key.toLowerCase() === "c") return clear();
  if (event.target !== drawing || !(key === " " || key in MOVES)) return;
  event.preventDefault();
  if (key === " ") return event.repeat || lower(!lowered);
  const before = cursor;
  cursor = cursor.map((v, axis) => clamp(v + MOVES[key][axis] * PEN / 2, 0, SIDE));
  drawing.style.setProperty("--cursor", cursor.map(v => `${100 * v / SIDE}%`).join(" "));
  if (lowered) draw(before, cursor);
}

function start() {
  element("about").textContent = `${MODEL.checkpoint}, trained on ${MODEL.dataset} on ${MODEL.trained}, reads `
    + `${MODEL.accuracy.toFixed(2)}% of its test images. SHA-256 ${MODEL.sha256.slice(0, 16)}…`;
  document.body.style.setProperty("--letters", Math.max(...MODEL.classes.map(name => name.length)));
  for (const name of MODEL.classes) {
    const row = document.importNode(element("row").content, true);
    row.querySelector("span").textContent = name;
    element("bars").append(row);
  }
  element("bars").classList.toggle("many", MODEL.classes.length > 12);
  element("seen").width = element("seen").height = MODEL.frame;
  paper.lineWidth = PEN;
  paper.lineCap = "round";
  drawing.addEventListener("pointerdown", press);
  drawing.addEventListener("pointermove", move);
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) drawing.addEventListener(end, release);
  addEventListener("keydown", type);
  element("clear").addEventListener("click", clear);
  clear();
  element("board").hidden = false;
}

if (computesAsTorch()) start(); // or else the sentence of index.html stays, as where a file is missing
