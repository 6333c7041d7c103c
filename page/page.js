"use strict";
// The page: it keeps the strokes, answers after each pause, and starts only if the network computes as torch does.

const find = selector => document.querySelector(selector);
const main = find("main"), board = find("#board"), guess = find("#guess"), second = find("#second"), live = find("#live");
const paper = find("#board canvas").getContext("2d"), seen = find("#seen").getContext("2d");
const SIDE = paper.canvas.width, PEN_WIDTH = SIDE / 14; // pixels of the canvas
const PATH_POINTS = 100; // points of one path: browsers are slow with a long path that crosses itself
const ANSWER_DELAY = 100; // milliseconds from the last point to the answer
const SURE = 0.6; // a less probable guess is grey. predict.py's CONFIDENT is higher, because it shows no bars.
const MOVES = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

let strokes = []; // the drawing: each stroke is a list of points [x, y]
let earlier = []; // the strokes before each change, for undo
let isDrawing = false; // whether a finger, the mouse or the keyboard adds points to the last stroke
let cursor = [SIDE / 2, SIDE / 4]; // where the keyboard draws
let answering; // timer

function show(changed) { // redraws the strokes, and ends the one that is being drawn
  strokes = changed;
  isDrawing = false;
  if (!strokes.length) main.className = "empty"; // until the next answer
  find("#hint").hidden = strokes.length > 0;
  live.textContent = strokes.length ? "" : "Nothing drawn yet";
  paper.clearRect(0, 0, SIDE, SIDE);
  for (const stroke of strokes) // in few paths, because the place where two paths meet is visible
    for (let i = 0; i < stroke.length; i += PATH_POINTS) drawPath(stroke.slice(i, i + PATH_POINTS + 1));
  answerSoon();
}

function drawPath(points) {
  paper.beginPath();
  for (const [x, y] of points) paper.lineTo(x, y);
  paper.stroke();
}

function change(next) { // in a way that can be undone
  earlier.push(strokes);
  show(next);
}

function beginStroke([x, y]) {
  change([...strokes, [[x, y], [x + 0.01, y]]]); // some browsers draw nothing for a line of length 0
  isDrawing = true;
}

function addPoint(point) {
  if (!isDrawing) return;
  const stroke = strokes[strokes.length - 1];
  stroke.push(point);
  drawPath(stroke.slice(-2));
  answerSoon();
}

const endStroke = () => isDrawing && show(strokes);
const clear = () => strokes.length && change([]);
const undo = () => show(earlier.pop() ?? []);

function answerSoon() { // an answer between two points would delay the drawing
  clearTimeout(answering);
  answering = setTimeout(answer, ANSWER_DELAY);
}

function answer() {
  if (!strokes.length) return;
  const pixels = normalize(strokes, PEN_WIDTH), probabilities = predictProbabilities(pixels);
  const [best, other] = probabilities.map((_, k) => k).sort((a, b) => probabilities[b] - probabilities[a]);
  const isSure = probabilities[best] >= SURE;
  main.className = isSure ? "sure" : "unsure";
  guess.textContent = MODEL.classes[best];
  second.textContent = isSure ? "" : `or ${MODEL.classes[other]}?`;
  live.textContent = `${guess.textContent}, ${Math.round(100 * probabilities[best])} percent ${second.textContent}`;
  const image = seen.createImageData(IMAGE_SIDE, IMAGE_SIDE);
  pixels.forEach((v, i) => image.data.set([255 * v, 255 * v, 255 * v, 255], 4 * i));
  seen.putImageData(image, 0, 0);
  document.querySelectorAll("li").forEach((row, k) => {
    const [name, bar, percentage] = row.children;
    row.classList.toggle("best", k === best);
    name.textContent = MODEL.classes[k];
    bar.value = probabilities[k];
    percentage.textContent = `${(100 * probabilities[k]).toFixed(1)}%`;
  });
}

function togglePen() {
  if (isDrawing) endStroke();
  else beginStroke(cursor);
  live.textContent = isDrawing ? "Pen down" : "Pen up";
}

function moveCursor(direction) {
  cursor = cursor.map((v, axis) => clamp(v + direction[axis] * PEN_WIDTH / 2, 0, SIDE));
  const [left, top] = cursor.map(v => `${100 * v / SIDE}%`);
  Object.assign(find("#pen").style, { left, top });
  addPoint(cursor);
}

function position({ clientX, clientY }) {
  const { left, top, width } = paper.canvas.getBoundingClientRect();
  return [clientX - left, clientY - top].map(v => clamp(v * SIDE / width, 0, SIDE)); // the pointer may leave the board
}

function press(event) {
  if (!event.isPrimary || event.button !== 0) return; // only the first finger draws, or the left button
  beginStroke(position(event));
  board.setPointerCapture(event.pointerId); // so the end of the stroke is reported outside the board too
}

function move(event) {
  if (!event.isPrimary || !event.buttons) return; // the keyboard may be drawing while the mouse passes
  const events = event.getCoalescedEvents?.() ?? [];
  for (const point of events.length ? events : [event]) addPoint(position(point));
}

function pressKey(event) {
  const key = event.key.toLowerCase(), isCommand = event.ctrlKey || event.metaKey;
  if (key === "z" && isCommand && !event.altKey && !event.shiftKey) undo();
  else if (isCommand || event.altKey || event.target !== board) return; // the browser handles this key
  else if (key === "c") clear();
  else if (event.key in MOVES) moveCursor(MOVES[event.key]);
  else if (key !== " ") return;
  else if (!event.repeat) togglePen();
  event.preventDefault();
}

function start({ classes, dataset, accuracy, repository }) {
  const names = classes.join(", "), areDigits = names === "0, 1, 2, 3, 4, 5, 6, 7, 8, 9";
  find("h1").textContent = document.title = areDigits ? "Draw a digit, 0 to 9" : `Draw one of: ${names}`;
  main.style.setProperty("--letters", Math.max(...classes.map(name => name.length)));
  find("ol").append(...classes.map(() => find("template").content.cloneNode(true)));
  find("#about").textContent = `It was trained on ${dataset} and reads ${accuracy.toFixed(2)}% of the test images right.`;
  if (repository) Object.assign(find("a"), { href: repository, hidden: false });
  seen.canvas.width = seen.canvas.height = IMAGE_SIDE;
  Object.assign(paper, { lineWidth: PEN_WIDTH, lineCap: "round", lineJoin: "round" });
  Object.assign(board, { onpointerdown: press, onpointermove: move, onblur: endStroke });
  board.onlostpointercapture = event => event.isPrimary && endStroke();
  window.onkeydown = pressKey;
  window.ondragstart = event => event.preventDefault(); // selected text would be dragged instead of drawing
  find("#undo").onclick = undo;
  find("#clear").onclick = clear;
  moveCursor([0, 0]);
  beginStroke(cursor); // these three lines try all that an answer needs
  answer();
  undo();
  main.hidden = false;
  find("#error").hidden = true;
}

if (MODEL.test_images.every(matchesTorch)) start(MODEL); // otherwise, or after an error, the page shows only #error
