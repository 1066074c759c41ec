// The filters as they stand at the side: lists of choices, and bars over which a range is drawn or typed.
function buildFacets(changed) {
  const host = document.getElementById("facets"),
    choices = CHOICES.filter(filter => filter.shown);
  const lesser = filter => ["live", "split"].includes(filter.name); // below the ranges
  host.append(
    ...choices.filter(filter => !lesser(filter)).map(filter => choiceFacet(filter, changed)),
    ...RANGES.filter(filter => filter.shown).map(filter => rangeFacet(filter, changed)),
    ...choices.filter(lesser).map(filter => choiceFacet(filter, changed)),
  );
}

// The button beside a filter's name that lifts it.
function clearOf(filter, changed) {
  filter.clear = node(
    "button",
    {
      type: "button",
      class: "clear-one",
      hidden: true,
      "aria-label": `Clear ${filter.title}`,
      onclick: () => {
        empty(filter);
        changed([filter]);
      },
    },
    "clear",
  );
  return filter.clear;
}

function choiceFacet(filter, changed) {
  filter.lines = filter.values.map((value, code) => {
    const box = node("input", {
      type: "checkbox",
      onchange: () => {
        if (box.checked) filter.chosen.add(code);
        else filter.chosen.delete(code);
        changed([filter]);
      },
    });
    const count = node("span", { class: "count" });
    return { box, count, line: node("label", {}, box, node("span", { class: "name" }, value), count) };
  });
  const codes = filter.values.map((_, code) => code).filter(code => filter.counts[code]);
  codes.sort((a, b) => filter.values[a].localeCompare(filter.values[b]));
  return node(
    "fieldset",
    { class: "choices" },
    node("legend", {}, filter.title),
    clearOf(filter, changed),
    node("div", {}, ...codes.map(code => filter.lines[code].line)),
  );
}

function rangeFacet(filter, changed) {
  const step = filter.decimals ? (10 ** -filter.decimals).toString() : "1";
  filter.inputs = ["from", "to"].map((word, end) =>
    node("input", {
      type: "number",
      step: "any",
      inputmode: "decimal",
      "aria-label": `${filter.title} ${word}`,
      placeholder: fixed(end ? filter.most : filter.least, filter.decimals).replace("−", "-"),
      onchange: event => {
        filter.range[end] = event.target.value === "" ? null : Number(event.target.value);
        changed([filter]);
      },
    }),
  );
  filter.chart = node("div", { class: "brush" });
  const [low, high] = filter.span;
  const at = event => {
    const box = filter.chart.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
  };
  let start = null;
  const draw = end => {
    const [a, b] = [Math.min(start, end), Math.max(start, end)];
    const value = share => Number((low + share * (high - low)).toFixed(filter.decimals));
    filter.range = b - a < 0.01 ? [null, null] : [a <= 0 ? null : value(a), b >= 1 ? null : value(b)];
    changed([filter]);
  };
  filter.chart.addEventListener("pointerdown", event => {
    start = at(event);
    filter.chart.setPointerCapture(event.pointerId);
  });
  filter.chart.addEventListener("pointermove", event => {
    if (start !== null) draw(at(event));
  });
  filter.chart.addEventListener("pointerup", event => {
    if (start !== null) draw(at(event));
    start = null;
  });
  filter.chart.addEventListener("pointercancel", () => {
    start = null;
  });
  return node(
    "fieldset",
    { class: "range", "data-step": step },
    node("legend", {}, filter.title),
    clearOf(filter, changed),
    filter.chart,
    node(
      "div",
      { class: "bounds" },
      filter.inputs[0],
      node("span", { "aria-hidden": "true" }, "to"),
      filter.inputs[1],
    ),
  );
}

// Bring boxes, numbers and bars in line with the filters.
function showFacets() {
  for (const filter of CHOICES.filter(one => one.lines)) {
    filter.lines.forEach(({ box, count, line }, code) => {
      box.checked = filter.chosen.has(code);
      count.textContent = whole(filter.counts[code]);
      line.classList.toggle("zero", !filter.counts[code]);
    });
  }
  for (const filter of RANGES.filter(one => one.inputs)) {
    filter.inputs.forEach((input, end) => {
      if (input !== document.activeElement) input.value = filter.range[end] ?? "";
    });
    filter.chart.innerHTML = bars(filter);
  }
  for (const filter of [...CHOICES, ...RANGES].filter(one => one.clear)) filter.clear.hidden = !isSet(filter);
  const field = document.getElementById("search");
  if (field !== document.activeElement) field.value = SEARCH.text;
  const found = selection.length === 1 ? "1 spoof" : `${whole(selection.length)} spoofs`;
  document.getElementById("show-found").textContent = `Show ${found}`;
  document.getElementById("clear").disabled = ![...CHOICES, ...RANGES, SEARCH].some(isSet);
}

function bars({ bars: counts, range, span: [low, high] }) {
  const most = Math.max(1, ...counts),
    width = 240 / BARS,
    step = (high - low) / BARS;
  const inside = place =>
    (range[0] === null || low + (place + 1) * step > range[0]) &&
    (range[1] === null || low + place * step <= range[1]);
  const drawn = [...counts].map((count, place) => {
    const x = (place * width).toFixed(1),
      y = (40 - Math.max(1.5, (38 * count) / most)).toFixed(1);
    if (!count) return "";
    return `<rect class="${inside(place) ? "in" : "out"}" x="${x}" y="${y}" width="${width - 0.8}" height="40"/>`;
  });
  return `<svg viewBox="0 0 240 40" preserveAspectRatio="none" aria-hidden="true">${drawn.join("")}</svg>`;
}
