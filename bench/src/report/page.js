// Tooltips: the point of each curve that is nearest to the pointer. Texts are set as text, never as markup.
"use strict";
const tip = document.getElementById("tip");
const hide = (svg) => {
  tip.hidden = true;
  svg.querySelector(".cross").style.visibility = "hidden";
};
const show = (svg, curves, event) => {
  const box = svg.getBoundingClientRect();
  const x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
  const away = (point) => Math.abs(point[0] - x);
  const near = curves.map((curve) => ({
    name: curve.name,
    point: curve.points.reduce((best, point) => (away(point) < away(best) ? point : best)),
  }));
  const nearest = near.reduce((best, one) => (away(one.point) < away(best.point) ? one : best)).point;
  const cross = svg.querySelector(".cross");
  cross.setAttribute("x1", nearest[0]);
  cross.setAttribute("x2", nearest[0]);
  cross.style.visibility = "visible";
  const head = document.createElement("b");
  head.textContent = nearest[2];
  const rows = near.map(({ name, point }) => {
    const row = document.createElement("div");
    const where = point[2] === nearest[2] ? "" : " (" + point[2] + ")";
    row.textContent = (near.length > 1 ? name + ": " : "") + point[3] + where;
    return row;
  });
  tip.replaceChildren(head, ...rows);
  tip.hidden = false;
  const left = event.clientX + 14 + tip.offsetWidth > innerWidth ? event.clientX - 14 - tip.offsetWidth : event.clientX + 14;
  tip.style.left = Math.max(4, left) + "px";
  tip.style.top = Math.max(4, Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 4)) + "px";
};
for (const svg of document.querySelectorAll("svg.chart")) {
  const curves = [...svg.querySelectorAll(".series")]
    .map((series) => ({ name: series.dataset.name, points: JSON.parse(series.dataset.tips) }))
    .filter((curve) => curve.points.length > 0);
  for (const kind of ["pointermove", "pointerdown"]) svg.addEventListener(kind, (event) => show(svg, curves, event));
  svg.addEventListener("pointerleave", () => hide(svg));
}
