// What a reader meets on the page: sizes, colours, names, headings, tables, requests.

const luminance = ([r, g, b]) => {
  const linear = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
};
const contrast = (a, b) => {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
};
const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
const opaque = (colour) => colour.startsWith("rgb(");

// of an SVG shape: that of the shape it lies on; else of the nearest element with a background
const background = (element) => {
  const below = element.matches(".chips text") ? element.previousElementSibling : null;
  if (below) return channels(getComputedStyle(below).fill);
  for (let e = element; e; e = e.parentElement) {
    const colour = getComputedStyle(e).backgroundColor;
    if (opaque(colour)) return channels(colour);
  }
  return [255, 255, 255];
};
const ink = (element, svg) => channels(getComputedStyle(element)[svg ? "fill" : "color"]);

const texts = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || element.closest("title, script")) continue;
  const svg = element instanceof SVGElement;
  texts.push({
    text: walker.currentNode.data.trim().slice(0, 40),
    contrast: contrast(ink(element, svg), background(element)),
    size: parseFloat(getComputedStyle(element).fontSize),
  });
}
const shapes = [...document.querySelectorAll(".part, .dot, .rate path:not(.frame)")].map((e) => ({
  shape: e.className.baseVal,
  contrast: contrast(channels(getComputedStyle(e).fill), [255, 255, 255]),
}));
const lines = [...document.querySelectorAll(".range, .line, .core, .spikes")].map((e) => ({
  shape: e.className.baseVal,
  contrast: contrast(channels(getComputedStyle(e).stroke), background(e)),
}));
const inside = (element) => {
  const region = element.closest(".scroll");
  return region === null || region.scrollWidth <= region.clientWidth;
};
const labels = [...document.querySelectorAll(".curve text, .bars .plot text")].filter(
  (e) => e.getBoundingClientRect().width,
);
const overlapping = (a, b) => {
  const [p, q] = [a.getBoundingClientRect(), b.getBoundingClientRect()];
  return p.left < q.right && q.left < p.right && p.top < q.bottom && q.top < p.bottom;
};

report({
  width: innerWidth,
  scrollWidth: document.documentElement.scrollWidth,
  outside: [...document.querySelectorAll("body *")]
    .filter((e) => !e.closest(".scroll") && e.getBoundingClientRect().right > innerWidth + 0.5)
    .map((e) => e.outerHTML.slice(0, 80)),
  unscrollable: [...document.querySelectorAll(".scroll")]
    .filter((e) => e.scrollWidth > e.clientWidth && (e.tabIndex < 0 || !e.ariaLabel))
    .map((e) => e.outerHTML.slice(0, 80)),
  language: document.documentElement.lang,
  title: document.title,
  headings: [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((e) => +e.tagName[1]),
  landmarks: ["header", "nav", "main", "footer"].filter((n) => document.querySelector(n)),
  unnamed: [...document.querySelectorAll("svg, img")]
    .filter((e) => !e.closest("[role=img][aria-label], [aria-hidden=true]"))
    .map((e) => e.outerHTML.slice(0, 80)),
  plots: [...document.querySelectorAll("[role=img]")].map((e) => e.ariaLabel),
  tables: [...document.querySelectorAll("table")].map((t) => ({
    caption: t.caption?.textContent ?? "",
    columns: [...t.querySelectorAll("thead th")].filter((e) => e.scope === "col").length,
    cells: Math.max(...[...t.rows].map((row) => row.cells.length)),
    rowsWithoutHeader: [...t.tBodies[0].rows].filter((r) => !r.querySelector("th[scope=row]")).length,
  })),
  texts,
  shapes: [...shapes, ...lines],
  overlaps: labels
    .filter((a, i) => labels.some((b, j) => i < j && inside(a) && overlapping(a, b)))
    .map((e) => e.textContent),
  requests: performance.getEntriesByType("resource").map((e) => e.name),
  scripts: [...document.scripts].filter((s) => s.nonce !== "measuring").length,
  names: [...document.querySelectorAll("bdi")].map((e) => e.textContent),
});
