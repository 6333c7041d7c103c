"use strict";
// The page: it draws, answers once the pen rests, and starts if all is in order.

const find = selector => document.querySelector(selector);
const drawing = find("#drawing"), guess = find("#guess"), live = find("#live"), bars = find("ol");
const paper = find("canvas").getContext("2d");
const SIDE = paper.canvas.width, PEN = SIDE / 14; // pixels
const REST = 100, SILENCE = 600; // milliseconds from the last point to an answer, and on to telling it
const MOVES = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

let lines = []; // the drawing: from one point [x, y] to another
let pointer = null, last; // which draws, and its last point
let cursor = [SIDE / 2, SIDE / 4], lowered = false; // the pen of the keyboard
let answering, announcing; // timers

function draw(from, to) {
  lines.push([from, to]);
  trace(paper, [[from, to]], PEN);
  clearTimeout(answering); // never between two points of a stroke
  answering = setTimeout(answer, REST);
}

function clear() {
  pointer = null;
  lower(false);
  lines = [];
  paper.clearRect(0, 0, SIDE, SIDE);
  clearTimeout(answering);
  answer();
}

function answer() {
  const readable = readsTruly(), pixels = frame(readable ? lines : [], PEN);
  find("#error").textContent = readable ? "" : "This browser hides the drawing from the page: "
    + "allow canvas image data (an icon beside the address), then draw on.";
  const probabilities = pixels ? classify(pixels) : [];
  const likeliest = Math.max(...probabilities), best = probabilities.indexOf(likeliest);
  guess.textContent = MODEL.classes[best] ?? "Nothing drawn yet";
  guess.classList.toggle("nothing", !pixels);
  [...bars.children].forEach((row, k) => {
    const percent = pixels ? `${(100 * probabilities[k]).toFixed(1)}%` : "";
    row.firstChild.textContent = MODEL.classes[k];
    row.lastChild.textContent = percent;
    row.style.setProperty("--share", percent);
    row.classList.toggle("best", k === best);
    if (k === best) bars.scrollTop = row.offsetTop - bars.clientHeight / 2;
  });
  clearTimeout(announcing);
  announcing = setTimeout(() => {
    live.textContent = guess.textContent + (pixels ? `, ${Math.round(100 * likeliest)} percent` : "");
  }, SILENCE);
}

function lower(down) {
  if (down !== lowered) live.textContent = down ? "Pen down" : "Pen up";
  lowered = down;
  if (down) draw(cursor, cursor);
}

function position({ clientX, clientY }) {
  const { left, top, width, height } = drawing.getBoundingClientRect();
  const place = [(clientX - left) * SIDE / width, (clientY - top) * SIDE / height];
  return place.map(v => clamp(v, 0, SIDE)); // a captured pointer may leave the board
}

function press(event) {
  if (pointer !== null || event.button !== 0) return; // the first one draws, with the left button
  pointer = event.pointerId;
  drawing.setPointerCapture(pointer); // so that its end is noticed anywhere
  draw(last = position(event), last);
}

function move(event) {
  if (event.pointerId !== pointer) return;
  for (const point of event.getCoalescedEvents?.() ?? [event]) draw(last, last = position(point));
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

if (computesAsTorch()) { // or else the sentence of index.html stays, as where a file is missing
  find("footer").textContent = `${MODEL.checkpoint}, trained on ${MODEL.dataset} on ${MODEL.trained}, `
    + `reads ${MODEL.accuracy.toFixed(2)}% of its test images. SHA-256 ${MODEL.sha256.slice(0, 16)}…`;
  document.body.style.setProperty("--letters", Math.max(...MODEL.classes.map(name => name.length)));
  bars.innerHTML = "<li><span></span><div></div><span></span></li>".repeat(MODEL.classes.length);
  seen.canvas.width = seen.canvas.height = IMAGE_SIDE;
  Object.assign(drawing, { onpointerdown: press, onpointermove: move, onlostpointercapture: release });
  window.onkeydown = type;
  find("button").onclick = clear;
  clear();
  find("main").hidden = false;
}
