"use strict";
// The page: it keeps the strokes, answers when the pen rests, and starts only if the network computes as torch does.

const find = selector => document.querySelector(selector);
const board = find("#board"), paper = find("svg"), ink = find("g"), bars = find("ol"), live = find("#live");
const SIDE = 560, PEN_WIDTH = SIDE / 14; // units of the drawing, see viewBox in index.html
const ANSWER_DELAY = 100; // milliseconds from the last point to the answer
const ANNOUNCE_DELAY = 600; // milliseconds from the answer until a screen reader reads it aloud
const CONFIDENT = 0.6; // probability: below it, the second class is shown too
const MOVES = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

let strokes = []; // the drawing: { points: [[x, y], …], line: the <polyline> that shows them }
let earlier = []; // the strokes before each change, for undo
let pointer = null; // id of the pointer that draws
let cursor = [SIDE / 2, SIDE / 4], penIsDown = false; // the pen of the keyboard
let answering, announcing; // timers

function setStrokes(changed) {
  strokes = changed;
  ink.replaceChildren(...strokes.map(stroke => stroke.line));
  find("#hint").hidden = strokes.length > 0;
  answerSoon();
}

function beginStroke(point) {
  endStroke();
  earlier.push(strokes);
  const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  setStrokes([...strokes, { points: [], line }]);
  addPoint(point);
  addPoint(point); // browsers show a polyline from its second point on
}

function addPoint([x, y]) {
  const { points, line } = strokes[strokes.length - 1];
  points.push([x, y]);
  line.points.appendItem(Object.assign(paper.createSVGPoint(), { x, y }));
  answerSoon();
}

function endStroke() {
  pointer = null;
  setPenDown(false);
}

function clear() {
  endStroke();
  if (strokes.length) earlier.push(strokes);
  setStrokes([]);
}

function undo() {
  endStroke();
  setStrokes(earlier.pop() ?? []);
}

function answerSoon() { // an answer between two points would delay the drawing
  clearTimeout(answering);
  answering = setTimeout(answer, ANSWER_DELAY);
}

function answer() {
  const pixels = strokes.length ? normalize(strokes.map(stroke => stroke.points), PEN_WIDTH) : null;
  showPixels(pixels);
  const probabilities = pixels ? predictProbabilities(pixels) : [];
  const [best, second] = probabilities.map((_, k) => k).sort((a, b) => probabilities[b] - probabilities[a]);
  const isSure = probabilities[best] >= CONFIDENT;
  find("#guess").textContent = pixels ? MODEL.classes[best] : "Nothing drawn yet";
  find("#second").textContent = pixels && !isSure ? `or ${MODEL.classes[second]}?` : "";
  find("#answer").className = !pixels ? "nothing" : isSure ? "sure" : "unsure";
  [...bars.children].forEach((row, k) => {
    const percent = pixels ? `${(100 * probabilities[k]).toFixed(1)}%` : "";
    row.lastChild.textContent = percent;
    row.style.setProperty("--share", percent);
    row.classList.toggle("best", k === best);
    if (k === best) bars.scrollTop = row.offsetTop - bars.clientHeight / 2;
  });
  clearTimeout(announcing);
  announcing = setTimeout(() => {
    const percent = pixels ? `, ${Math.round(100 * probabilities[best])} percent` : "";
    live.textContent = `${find("#guess").textContent}${percent} ${find("#second").textContent}`;
  }, ANNOUNCE_DELAY);
}

function showPixels(pixels) { // white on black, nothing where they are null
  const context = find("#seen").getContext("2d"), image = context.createImageData(IMAGE_SIDE, IMAGE_SIDE);
  image.data.forEach((_, i, data) => {
    data[i] = i % 4 === 3 ? 255 : 255 * (pixels ? pixels[Math.floor(i / 4)] : 0);
  });
  context.putImageData(image, 0, 0);
}

function setPenDown(isDown) {
  if (isDown === penIsDown) return;
  if (isDown) beginStroke(cursor);
  penIsDown = isDown;
  live.textContent = isDown ? "Pen down" : "Pen up";
}

function moveCursor([right, down]) {
  cursor = [cursor[0] + right * PEN_WIDTH / 2, cursor[1] + down * PEN_WIDTH / 2].map(v => clamp(v, 0, SIDE));
  find("#pen").setAttribute("transform", `translate(${cursor})`);
  if (penIsDown) addPoint(cursor);
}

function position({ clientX, clientY }) {
  const { left, top, width } = paper.getBoundingClientRect();
  return [clientX - left, clientY - top].map(v => clamp(v * SIDE / width, 0, SIDE)); // the pointer may leave the board
}

function press(event) {
  if (pointer !== null || event.button !== 0) return; // one finger draws, or the left button
  beginStroke(position(event));
  pointer = event.pointerId;
  board.setPointerCapture(pointer); // so that its end is noticed anywhere
}

function move(event) {
  if (event.pointerId !== pointer) return;
  const events = event.getCoalescedEvents?.() ?? [];
  for (const point of events.length ? events : [event]) addPoint(position(point));
}

function release(event) {
  if (event.pointerId === pointer) pointer = null;
}

function type(event) {
  const key = event.key.toLowerCase(), onBoard = event.target === board;
  const modified = event.altKey || event.ctrlKey || event.metaKey;
  if (key === "z" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) undo();
  else if (modified || !onBoard) return; // other shortcuts belong to the browser
  else if (key === "c") clear();
  else if (event.key in MOVES) moveCursor(MOVES[event.key]);
  else if (key !== " ") return;
  else if (!event.repeat) setPenDown(!penIsDown);
  event.preventDefault();
}

function addElement(parent, name, text = "") {
  return Object.assign(parent.appendChild(document.createElement(name)), { textContent: text });
}

function describeModel(footer) {
  footer.textContent = `A small neural network reads the drawing, in your browser alone. It was trained on ${MODEL.dataset} `
    + `and reads ${MODEL.accuracy.toFixed(2)}% of the test images right. `;
  footer.title = `${MODEL.checkpoint}, SHA-256 ${MODEL.sha256}`;
  if (MODEL.repository) addElement(footer, "a", "How it was made").href = MODEL.repository;
}

if (matchesTorch()) { // otherwise the text of index.html stays, as it does after an error
  find("h1").textContent = document.title = MODEL.instruction;
  describeModel(find("footer"));
  for (const name of MODEL.classes) {
    const row = addElement(bars, "li");
    addElement(row, "span", name);
    addElement(row, "div");
    addElement(row, "span");
  }
  document.body.style.setProperty("--letters", Math.max(...MODEL.classes.map(name => name.length)));
  find("#seen").width = find("#seen").height = IMAGE_SIDE;
  moveCursor([0, 0]);
  Object.assign(board, { onpointerdown: press, onpointermove: move, onlostpointercapture: release, onblur: () => setPenDown(false) });
  Object.assign(window, { onkeydown: type, ondragstart: event => event.preventDefault() });
  find("#undo").onclick = undo;
  find("#clear").onclick = clear;
  beginStroke(cursor); // one answer before anybody draws: an error in it leaves the text of index.html
  answer();
  clear();
  earlier = [];
  find("main").hidden = false;
  find("#error").hidden = true;
}
