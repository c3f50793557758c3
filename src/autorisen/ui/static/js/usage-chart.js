// A usage chart per <figure data-chart>: reads its numbers from the JSON block inside, draws with uPlot.
// {"label": "Executions", "unit": "executions", "bucket": "minute"|"hour"|"day"|"month", "time_zone": "Africa/Johannesburg",
//  "starts": [epoch seconds...], "series": [{"label": "large", "values": ["decimal as text" or null...]}...], "stacked": true}
// One series is bars; several are bars on top of each other where they add up, and lines where they do not.
// With the focus on a chart, the arrow keys go from bar to bar, Home and End to the ends; what is there is read out.
const whole = new Intl.NumberFormat("en-ZA", { maximumFractionDigits: 6 });
const short = new Intl.NumberFormat("en-ZA", { notation: "compact", maximumFractionDigits: 1 });
const SECONDS = { minute: 60, hour: 3600, day: 86400, month: 30 * 86400 };

function colour(figure, name) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  figure.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

function formats(data) {
  const make = (options) => new Intl.DateTimeFormat("en-ZA", { timeZone: data.time_zone, ...options });
  const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const day = { day: "numeric", month: "short" };
  const month = { month: "short", year: "numeric" };
  const timed = data.bucket === "hour" || data.bucket === "minute";
  const tick = make(timed ? clock : data.bucket === "month" ? month : day);
  const long = make(data.bucket === "month" ? month : { weekday: "short", ...day, ...(timed ? clock : {}) });
  const date = (seconds) => new Date(seconds * 1000);
  return { tick: (seconds) => tick.format(date(seconds)), long: (seconds) => long.format(date(seconds)) };
}

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function tipRows(data, index) {
  const amount = (values) => (values[index] === null ? "none" : `${whole.format(values[index])} ${data.unit}`);
  if (data.series.length === 1) return [element("b", "", amount(data.series[0].values))];
  return data.series.flatMap((each, number) => {
    if (!each.values[index]) return [];
    const row = element("div", "chart-tip-row");
    row.append(element("span", `swatch swatch-${number + 1}`), element("span", "", each.label),
      element("b", "", whole.format(each.values[index])));
    return [row];
  });
}

function said(data, format, index) {
  const used = data.series.filter((each) => each.values[index]);
  const amounts = used.map((each) => `${data.series.length > 1 ? `${each.label} ` : ""}${whole.format(each.values[index])}`);
  return `${format.long(data.starts[index])}: ${amounts.join(", ") || "0"} ${data.unit}`;
}

function tooltip(figure, data, format) {
  const tip = element("div", "chart-tip");
  tip.hidden = true;
  return {
    hooks: {
      init: (plot) => plot.over.append(tip),
      setCursor: (plot) => {
        const index = plot.cursor.idx;
        tip.hidden = index === null || index === undefined || plot.cursor.left < 0;
        if (tip.hidden) return;
        tip.replaceChildren(...tipRows(data, index), element("span", "", format.long(data.starts[index])));
        const left = plot.valToPos(data.starts[index], "x");
        const width = tip.offsetWidth;
        tip.style.left = `${Math.max(0, Math.min(left - width / 2, plot.over.clientWidth - width))}px`;
        tip.style.top = "0px";
      },
    },
  };
}

function drawnSeries(figure, data) {
  const isLine = data.series.length > 1 && !data.stacked;
  const bars = window.uPlot.paths.bars({ size: [0.72, 40], radius: data.series.length > 1 ? 0 : 0.12 });
  const drawn = data.series.map((each, number) => {
    const stroke = colour(figure, `--chart-${number + 1}`);
    return isLine
      ? { label: each.label, stroke, width: 2, points: { show: data.starts.length < 60, size: 5, fill: stroke } }
      : { label: each.label, paths: bars, stroke, fill: stroke, width: 0, points: { show: false } };
  });
  return isLine ? drawn : drawn.reverse();
}

// Bars on top of each other: the highest sum is drawn first, and what is below it over it.
function heights(data) {
  const values = data.series.map((each) => each.values);
  if (!data.stacked) return values;
  const sums = [];
  for (const each of values) {
    const below = sums.at(-1);
    sums.push(below ? each.map((value, index) => value + below[index]) : each);
  }
  return sums.reverse();
}

function options(figure, data) {
  const format = formats(data);
  const axis = { stroke: colour(figure, "--text-3"), font: "12px 'Inter Variable', sans-serif", ticks: { show: false } };
  const step = SECONDS[data.bucket];
  const first = data.starts[0];
  const last = data.starts[data.starts.length - 1];
  return {
    width: figure.clientWidth,
    height: Number(figure.dataset.height || 240),
    padding: [16, 8, 0, 0],
    plugins: [tooltip(figure, data, format)],
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    legend: { show: false },
    scales: {
      x: { time: true, range: () => [first - step * 0.6, last + step * 0.6] },
      y: { range: (_plot, low, high) => [Math.min(0, low ?? 0), high > 0 ? high * 1.08 : 1] },
    },
    axes: [
      { ...axis, size: 26, gap: 8, grid: { show: false }, space: 56, splits: () => ticks(data.starts, figure.clientWidth),
        values: (_plot, splits) => splits.map(format.tick) },
      { ...axis, size: 52, gap: 4, grid: { stroke: colour(figure, "--line"), width: 1 },
        values: (_plot, splits) => splits.map((value) => short.format(value)) },
    ],
    series: [{}, ...drawnSeries(figure, data)],
  };
}

function ticks(starts, width) {
  const every = Math.max(1, Math.ceil(starts.length / Math.max(2, Math.floor(width / 76))));
  return starts.filter((_, index) => index % every === 0);
}

function keys(figure, plot, data) {
  const format = formats(data);
  const voice = element("div", "visually-hidden");
  voice.setAttribute("role", "status");
  figure.append(voice);
  const last = data.starts.length - 1;
  const moves = {
    ArrowLeft: (index) => Math.max(0, (index ?? last + 1) - 1),
    ArrowRight: (index) => Math.min(last, (index ?? -1) + 1),
    Home: () => 0,
    End: () => last,
  };
  const hide = () => plot.setCursor({ left: -10, top: -10 });
  const onKey = (event) => {
    if (event.key === "Escape") hide();
    const move = moves[event.key];
    if (!move || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const index = move(plot.cursor.left < 0 ? null : plot.cursor.idx);
    plot.setCursor({ left: plot.valToPos(data.starts[index], "x"), top: 1 });
    voice.textContent = said(data, format, index);
  };
  figure.addEventListener("keydown", onKey);
  figure.addEventListener("blur", hide);
  return () => {
    figure.removeEventListener("keydown", onKey);
    figure.removeEventListener("blur", hide);
    voice.remove();
  };
}

function draw(figure) {
  const block = figure.querySelector("script[type='application/json']");
  if (!block) return;
  const data = JSON.parse(block.textContent);
  if (data.starts.length === 0) return;
  data.series = data.series.map((each) => ({ ...each, values: each.values.map((value) => (value === null ? null : Number(value))) }));
  const plot = new window.uPlot(options(figure, data), [data.starts, ...heights(data)], figure);
  const resize = new ResizeObserver(() => {
    if (figure.clientWidth) plot.setSize({ width: figure.clientWidth, height: plot.height });
  });
  resize.observe(figure);
  const forget = keys(figure, plot, data);
  figure.redraw = () => {
    resize.disconnect();
    forget();
    plot.destroy();
    draw(figure);
  };
}

function drawAll(within) {
  for (const figure of within.querySelectorAll("[data-chart]:not([data-drawn])")) {
    figure.dataset.drawn = "";
    draw(figure);
  }
}

document.addEventListener("theme:changed", () => {
  for (const figure of document.querySelectorAll("[data-drawn]")) figure.redraw?.();
});
document.addEventListener("htmx:afterSwap", (event) => drawAll(event.target.parentNode || document));
drawAll(document);
