// The selection over T₀ and w: in each cell how many there are, their means, and the spoof nearest to its middle.
const LEVELS = 5;
const CAPTION =
  "T₀ downwards, w to the right. Means of all that are selected (B: BRISQUE, id: identity distance), with the pictured " +
  "spoof nearest to the middle of the cell: faces and guides differ from cell to cell. The report's strength study " +
  "holds them still.";

function gridOf() {
  const axes = ["t0", "w"].map(name => levels(RANGES.find(filter => filter.name === name)));
  const cells = Array.from({ length: LEVELS ** 2 }, () => ({
    count: 0,
    brisque: [0, 0],
    distance: [0, 0],
    best: -1,
    off: Infinity,
  }));
  const at = row => {
    const [t0, w] = axes.map(axis => axis.of(row));
    return t0 < 0 || w < 0 ? null : cells[t0 * LEVELS + w];
  };
  for (const row of selection) {
    const found = at(row);
    if (!found) continue;
    found.count++;
    for (const name of ["brisque", "distance"]) {
      if (Number.isNaN(columns[name][row])) continue;
      found[name][0] += columns[name][row];
      found[name][1]++;
    }
  }
  for (const row of listed) {
    const found = at(row),
      off = Math.hypot(...axes.map(axis => axis.off(row)));
    if (found && off < found.off) Object.assign(found, { best: row, off });
  }
  const [t0, w] = axes;
  const mean = ([sum, count], decimals) => (count ? fixed(sum / count, decimals) : "—");
  const body = t0.titles.map((title, line) =>
    node(
      "tr",
      { role: "row" },
      node("th", { scope: "row", role: "rowheader" }, node("span", { class: "axis-name" }, "T₀ "), title),
      ...w.titles.map((_, column) => {
        const { count, brisque, distance, best } = cells[line * LEVELS + column];
        if (!count) return node("td", { class: "zero", role: "cell" }, "none");
        const words = [`B ${mean(brisque, 1)}`, ...(META.audited ? [" · ", `id ${mean(distance, 2)}`] : [])];
        const picture =
          best < 0
            ? node("span", { class: "strip alone" })
            : node(
                "button",
                {
                  type: "button",
                  class: "cell",
                  "data-row": best,
                  "aria-label": describe(best),
                  onclick: () => openViewer(best),
                },
                thumbnail(best, true),
              );
        return node(
          "td",
          { role: "cell" },
          picture,
          node("span", { class: "means" }, ...words.map(word => node("span", {}, word))),
          node("span", { class: "means" }, `n ${whole(count)}`),
        );
      }),
    ),
  );
  // The roles stay where a phone's layout takes the table apart.
  const heads = w.titles.map(title =>
    node("th", { scope: "col", role: "columnheader" }, node("span", { class: "axis-name" }, "w "), title),
  );
  return node(
    "table",
    { role: "table" },
    node("caption", {}, CAPTION),
    node(
      "thead",
      { role: "rowgroup" },
      node("tr", { role: "row" }, node("th", { role: "columnheader" }, "T₀ \\ w"), ...heads),
    ),
    node("tbody", { role: "rowgroup" }, ...body),
  );
}

// Equal parts of the selected range of a filter: the part that a row is in (−1: none), and how far it is from its middle.
function levels(filter) {
  const low = filter.range[0] ?? filter.least,
    width = ((filter.range[1] ?? filter.most) - low) / LEVELS || 1;
  const of = row => {
    const value = known(filter, row);
    return Number.isNaN(value) ? -1 : Math.max(0, Math.min(LEVELS - 1, Math.floor((value - low) / width)));
  };
  return {
    of,
    off: row => (known(filter, row) - low) / width - of(row) - 0.5,
    titles: Array.from(
      { length: LEVELS },
      (_, part) => `${fixed(low + part * width, filter.decimals)}–${fixed(low + (part + 1) * width, filter.decimals)}`,
    ),
  };
}
