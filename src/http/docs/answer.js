// An answer of the API as a table and a chart beside its JSON, to copy or to keep.
"use strict";

/** Rows that are shown, and points of a chart; a file has all of them. */
const MOST = 200;
const MOST_POINTS = 2000;

const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

/** Columns by name of what an answer holds: of columns, or of rows; undefined for anything else. */
function columnsOf(body) {
  const data = Array.isArray(body) ? body : body?.data;
  if (Array.isArray(data)) {
    if (data.length === 0 || data.some((row) => row === null || typeof row !== "object" || Array.isArray(row))) return undefined;
    return Object.fromEntries(Object.keys(data[0]).map((name) => [name, data.map((row) => row[name])]));
  }
  const isColumn = (value) => Array.isArray(value);
  if (data === null || typeof data !== "object" || !Object.values(data).every(isColumn)) return undefined;
  return Object.keys(data).length > 0 ? data : undefined;
}

/** A time of an answer, as people read it; text stays as it is. */
function time(value) {
  if (typeof value !== "number") return String(value);
  const at = new Date(value > 1e11 ? value : value * 1000);
  return Number.isNaN(at.getTime()) ? String(value) : at.toISOString().replace("T", " ").replace(/:00\.000Z$/, "Z");
}

const shown = (name, value) => {
  if (value === null || value === undefined) return "–";
  if (name === "t") return time(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
};

const isNumber = (value) => typeof value === "number" || (typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value));

function table(columns) {
  const names = Object.keys(columns);
  const length = columns[names[0]].length;
  const cell = (name, row) => element("td", { textContent: shown(name, columns[name][row]), className: isNumber(columns[name][row]) && name !== "t" ? "number" : "" });
  const head = element("tr", {}, ...names.map((name) => element("th", { textContent: name, scope: "col" })));
  const rows = Array.from({ length: Math.min(length, MOST) }, (_, row) => element("tr", {}, ...names.map((name) => cell(name, row))));
  const made = element("table", { className: "rows" }, element("thead", {}, head), element("tbody", {}, ...rows));
  const all = element("div", { className: "wide", tabIndex: 0 }, made);
  all.setAttribute("role", "region");
  all.setAttribute("aria-label", "Rows");
  if (length <= MOST) return all;
  return element("div", {}, all, element("p", { textContent: `The first ${MOST} of ${length} rows.` }));
}

/** The columns of numbers that a chart can show. */
function measures(columns) {
  return Object.keys(columns).filter((name) => name !== "t" && !name.endsWith("_id") && name !== "id" && columns[name].some(isNumber));
}

/** The namespace of drawings, as the parser knows it. */
const SVG = document.getElementById("drawing").namespaceURI;

function drawn(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/** A line over time, or bars of the groups; a gap where there is no figure. */
function drawing(columns, name) {
  const [width, height, left, bottom] = [640, 200, 48, 22];
  const values = columns[name].slice(0, MOST_POINTS).map((value) => (isNumber(value) ? Number(value) : null));
  const known = values.filter((value) => value !== null);
  const [low, high] = [Math.min(0, ...known), Math.max(0, ...known)];
  const x = (i) => left + ((i + 0.5) * (width - left - 4)) / values.length;
  const y = (value) => 6 + ((height - bottom - 6) * (high - value)) / (high - low || 1);
  const picture = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${name}: ${values.length} figures from ${Math.min(...known)} to ${Math.max(...known)}` });
  for (const mark of [low, (low + high) / 2, high]) {
    picture.append(drawn("line", { x1: left, x2: width, y1: y(mark), y2: y(mark), class: "grid" }));
    picture.append(drawn("text", { x: left - 6, y: y(mark) + 4, "text-anchor": "end" }, Number(mark.toPrecision(3)).toLocaleString("en")));
  }
  if (columns.t) {
    const points = values.map((value, i) => (value === null ? null : `${x(i).toFixed(1)},${y(value).toFixed(1)}`));
    for (const line of points.map((point) => point ?? "|").join(" ").split("|")) {
      if (line.trim() !== "") picture.append(drawn("polyline", { points: line.trim(), class: "line" }));
    }
    picture.append(drawn("text", { x: left, y: height - 4 }, shown("t", columns.t[0])));
    picture.append(drawn("text", { x: width - 4, y: height - 4, "text-anchor": "end" }, shown("t", columns.t[values.length - 1])));
  } else {
    const wide = Math.max(1, (0.7 * (width - left - 4)) / values.length);
    const label = Object.keys(columns).find((other) => columns[other].some((value) => typeof value === "string" && !isNumber(value)));
    values.forEach((value, i) => {
      if (value === null) return;
      const bar = drawn("rect", { x: x(i) - wide / 2, y: Math.min(y(0), y(value)), width: wide, height: Math.abs(y(0) - y(value)), class: "bar" });
      bar.append(drawn("title", {}, `${label ? `${columns[label][i]}: ` : ""}${value}`));
      picture.append(bar);
    });
  }
  return picture;
}

function chart(columns) {
  const names = measures(columns);
  const choice = element("select", { ariaLabel: "Measure" }, ...names.map((name) => element("option", { textContent: name })));
  const place = element("div", {}, drawing(columns, names[0]));
  choice.addEventListener("change", () => place.replaceChildren(drawing(columns, choice.value)));
  return element("div", { className: "chart" }, choice, place);
}

/** JSON by the line, up to what a page can show. */
function readable(text) {
  const most = 100_000;
  if (text.length > most) return `${text.slice(0, most)} … (${text.length} characters)`;
  try {
    return JSON.stringify(JSON.parse(text), null, 1);
  } catch {
    return text;
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Keeps an answer as a file, under the name that the service gave it. */
function keep(blob, name) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** The name of a file that an answer came with. */
function fileName(response) {
  return /filename="([^"]+)"/.exec(response.headers.get("content-disposition") ?? "")?.[1];
}

/** Shows an answer: its views side by side as buttons, one at a time. */
function answer(response, blob, text) {
  const views = [];
  const columns = columnsOf(parsed(text));
  if (columns) views.push(["Table", () => table(columns)]);
  if (columns && measures(columns).length > 0) views.push(["Chart", () => chart(columns)]);
  const isText = !/^(application\/(?!json)|image)/.test(blob.type) || text.length === 0;
  views.push([columns ? "JSON" : "Text", () => element("pre", { tabIndex: 0, textContent: isText ? readable(text) : `${blob.size} bytes of ${blob.type}` })]);
  const place = element("div");
  const buttons = views.map(([name, make]) => {
    const button = element("button", { type: "button", textContent: name });
    button.addEventListener("click", () => {
      place.replaceChildren(make());
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
    });
    return button;
  });
  const copy = element("button", { type: "button", textContent: "Copy" });
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    copy.textContent = "Copied";
  });
  const download = element("button", { type: "button", textContent: "Download" });
  const extension = blob.type.startsWith("application/json") ? "json" : "txt";
  download.addEventListener("click", () => keep(blob, fileName(response) ?? `answer.${extension}`));
  const bar = element("p", { className: "views" }, ...buttons, ...(isText ? [copy] : []), download);
  if (text === "" && blob.size === 0) return element("div");
  buttons[0].click();
  return element("div", {}, bar, place);
}
