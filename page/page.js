"use strict";
// The page: it keeps the strokes, answers after each pause, and starts only if the network computes as torch does.

const find = selector => document.querySelector(selector);
const board = find("#board"), guess = find("#guess"), second = find("#second"), bars = find("ol"), live = find("#live");
const paper = find("#board canvas").getContext("2d"), seen = find("#seen").getContext("2d");
const SIDE = paper.canvas.width, PEN_WIDTH = SIDE / 14; // pixels of the canvas
const PATH_POINTS = 100; // points of one path: browsers are slow with a long path that crosses itself
const ANSWER_DELAY = 100; // milliseconds from the last point to the answer
const ANNOUNCE_DELAY = 600; // milliseconds from the answer until a screen reader reads it aloud
const CONFIDENT = 0.6; // probability: below it, the second class is shown too
const MOVES = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

let strokes = []; // the drawing: each stroke is a list of points [x, y]
let earlier = []; // the strokes before each change, for undo
let pointer = null; // id of the pointer that draws
let cursor = [SIDE / 2, SIDE / 4], penIsDown = false; // the pen of the keyboard
let answering, announcing; // timers

function show(changed) { // redraws the strokes, and ends the one that is being drawn
  strokes = changed;
  pointer = null;
  setPenDown(false);
  find("#hint").hidden = strokes.length > 0;
  paper.clearRect(0, 0, SIDE, SIDE);
  for (const stroke of strokes) // in long paths, because the joint of two paths is visible
    for (let i = 0; i < stroke.length; i += PATH_POINTS) drawPath(stroke.slice(i, i + PATH_POINTS + 1));
  answerSoon();
}

function drawPath(points) {
  paper.beginPath();
  for (const point of points) paper.lineTo(...point);
  paper.stroke();
}

function beginStroke([x, y]) {
  earlier.push(strokes);
  show([...strokes, [[x, y]]]);
  addPoint([x + 0.01, y]); // some browsers draw nothing for a line of length 0
}

function addPoint(point) {
  const stroke = strokes[strokes.length - 1];
  stroke.push(point);
  drawPath(stroke.slice(-2));
  answerSoon();
}

function clear() {
  if (strokes.length) earlier.push(strokes);
  show([]);
}

function undo() {
  show(earlier.pop() ?? []);
}

function answerSoon() { // an answer between two points would delay the drawing
  clearTimeout(answering);
  answering = setTimeout(answer, ANSWER_DELAY);
}

function answer() {
  const pixels = strokes.length ? normalize(strokes, PEN_WIDTH) : null;
  const probabilities = pixels ? predictProbabilities(pixels) : [];
  const [best, other] = probabilities.map((_, k) => k).sort((a, b) => probabilities[b] - probabilities[a]);
  const isSure = probabilities[best] >= CONFIDENT;
  document.body.classList.toggle("sure", isSure);
  guess.textContent = pixels ? MODEL.classes[best] : "?";
  second.textContent = pixels && !isSure ? `or ${MODEL.classes[other]}?` : "";
  const image = seen.createImageData(IMAGE_SIDE, IMAGE_SIDE);
  pixels?.forEach((v, i) => image.data.set([255 * v, 255 * v, 255 * v, 255], 4 * i));
  seen.putImageData(image, 0, 0);
  [...bars.children].forEach((row, k) => {
    const percent = pixels ? `${(100 * probabilities[k]).toFixed(1)}%` : "";
    row.lastChild.textContent = percent;
    row.style.setProperty("--share", percent);
    row.classList.toggle("best", k === best);
    if (k === best) bars.scrollTop = row.offsetTop - bars.clientHeight / 2;
  });
  clearTimeout(announcing);
  announcing = setTimeout(() => {
    const percent = `${Math.round(100 * probabilities[best])} percent`;
    live.textContent = pixels ? `${guess.textContent}, ${percent} ${second.textContent}` : "Nothing drawn yet";
  }, ANNOUNCE_DELAY);
}

function setPenDown(isDown) {
  if (isDown === penIsDown) return;
  if (isDown) beginStroke(cursor);
  penIsDown = isDown;
  live.textContent = isDown ? "Pen down" : "Pen up";
}

function moveCursor(direction) {
  cursor = cursor.map((v, axis) => clamp(v + direction[axis] * PEN_WIDTH / 2, 0, SIDE));
  const [left, top] = cursor.map(v => `${100 * v / SIDE}%`);
  Object.assign(find("#pen").style, { left, top });
  if (penIsDown) addPoint(cursor);
}

function position({ clientX, clientY }) {
  const { left, top, width } = paper.canvas.getBoundingClientRect();
  return [clientX - left, clientY - top].map(v => clamp(v * SIDE / width, 0, SIDE)); // the pointer may leave the board
}

function press(event) {
  if (pointer !== null || event.button !== 0) return; // only the first finger draws, or the left button
  beginStroke(position(event));
  pointer = event.pointerId;
  board.setPointerCapture(pointer); // its end is reported wherever it is
}

function move(event) {
  if (event.pointerId !== pointer) return;
  const events = event.getCoalescedEvents?.() ?? [];
  for (const point of events.length ? events : [event]) addPoint(position(point));
}

function release(event) {
  if (event.pointerId === pointer) show(strokes);
}

function type(event) {
  const key = event.key.toLowerCase(), isCommand = event.ctrlKey || event.metaKey;
  if (key === "z" && isCommand && !event.altKey && !event.shiftKey) undo();
  else if (isCommand || event.altKey || event.target !== board) return; // belongs to the browser
  else if (key === "c") clear();
  else if (event.key in MOVES) moveCursor(MOVES[event.key]);
  else if (key !== " ") return;
  else if (!event.repeat) setPenDown(!penIsDown);
  event.preventDefault();
}

function addTexts({ classes, dataset, accuracy, checkpoint, sha256, repository, instruction }) {
  find("h1").textContent = document.title = instruction;
  document.body.style.setProperty("--letters", Math.max(...classes.map(name => name.length)));
  for (const name of classes) {
    const row = bars.appendChild(document.createElement("li"));
    row.append(...["span", "div", "span"].map(part => document.createElement(part)));
    row.firstChild.textContent = name;
  }
  find("#about").textContent = `It was trained on ${dataset} and reads ${accuracy.toFixed(2)}% of the test images right.`;
  find("#about").title = `${checkpoint}, SHA-256 ${sha256}`;
  if (repository) Object.assign(find("a"), { href: repository, hidden: false });
}

if (matchesTorch()) { // otherwise the text of index.html stays, and also after any error
  addTexts(MODEL);
  seen.canvas.width = seen.canvas.height = IMAGE_SIDE;
  Object.assign(paper, { lineWidth: PEN_WIDTH, lineCap: "round", lineJoin: "round" });
  Object.assign(board, { onpointerdown: press, onpointermove: move, onlostpointercapture: release });
  board.onblur = () => setPenDown(false);
  window.onkeydown = type;
  window.ondragstart = event => event.preventDefault(); // selected text would be dragged instead
  find("#undo").onclick = undo;
  find("#clear").onclick = clear;
  setPenDown(true); // tries all that an answer needs
  moveCursor([0, 0]);
  answer();
  clear();
  answer();
  earlier = [];
  find("main").hidden = false;
  find("#error").hidden = true;
}
