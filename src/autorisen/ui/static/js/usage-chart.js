// A usage chart per <figure data-chart>: reads its numbers from the JSON block inside, draws with uPlot.
// {"label": "Executions", "unit": "executions", "bucket": "day"|"hour", "time_zone": "Africa/Johannesburg",
//  "starts": [epoch seconds...], "values": ["decimal as text"...]}
const whole = new Intl.NumberFormat("en-ZA", { maximumFractionDigits: 6 });
const short = new Intl.NumberFormat("en-ZA", { notation: "compact", maximumFractionDigits: 1 });

function colour(figure, name) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  figure.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

function formats(data) {
  const zone = { timeZone: data.time_zone };
  const day = new Intl.DateTimeFormat("en-ZA", { ...zone, day: "numeric", month: "short" });
  const hour = new Intl.DateTimeFormat("en-ZA", { ...zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const long = new Intl.DateTimeFormat("en-ZA", {
    ...zone, weekday: "short", day: "numeric", month: "short",
    ...(data.bucket === "hour" ? { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } : {}),
  });
  const date = (seconds) => new Date(seconds * 1000);
  return {
    tick: (seconds) => (data.bucket === "hour" ? hour : day).format(date(seconds)),
    long: (seconds) => long.format(date(seconds)),
  };
}

function tooltip(figure, data, format) {
  const tip = document.createElement("div");
  tip.className = "chart-tip";
  tip.hidden = true;
  const value = document.createElement("b");
  const when = document.createElement("span");
  tip.append(value, when);
  return {
    hooks: {
      init: (plot) => plot.over.append(tip),
      setCursor: (plot) => {
        const index = plot.cursor.idx;
        tip.hidden = index === null || index === undefined || plot.cursor.left < 0;
        if (tip.hidden) return;
        value.textContent = `${whole.format(data.values[index])} ${data.unit}`;
        when.textContent = format.long(data.starts[index]);
        const left = plot.valToPos(data.starts[index], "x");
        const width = tip.offsetWidth;
        tip.style.left = `${Math.max(0, Math.min(left - width / 2, plot.over.clientWidth - width))}px`;
        tip.style.top = "0px";
      },
    },
  };
}

function options(figure, data) {
  const format = formats(data);
  const text = colour(figure, "--text-3");
  const line = colour(figure, "--line");
  const axis = { stroke: text, font: "12px 'Inter Variable', sans-serif", ticks: { show: false } };
  const bars = window.uPlot.paths.bars({ size: [0.72, 40], radius: 0.12 });
  const step = data.bucket === "hour" ? 3600 : 86400;
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
      y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.08 : 1] },
    },
    axes: [
      { ...axis, size: 26, gap: 8, grid: { show: false }, space: 56, splits: () => ticks(data.starts, figure.clientWidth),
        values: (_plot, splits) => splits.map(format.tick) },
      { ...axis, size: 52, gap: 4, grid: { stroke: line, width: 1 },
        values: (_plot, splits) => splits.map((value) => short.format(value)) },
    ],
    series: [{}, { label: data.label, paths: bars, stroke: colour(figure, "--chart-line"),
      fill: colour(figure, "--chart-line"), width: 0, points: { show: false } }],
  };
}

function ticks(starts, width) {
  const every = Math.max(1, Math.ceil(starts.length / Math.max(2, Math.floor(width / 76))));
  return starts.filter((_, index) => index % every === 0);
}

function draw(figure) {
  const block = figure.querySelector("script[type='application/json']");
  if (!block) return;
  const data = JSON.parse(block.textContent);
  data.values = data.values.map(Number);
  if (data.starts.length === 0) return;
  figure.querySelector(".skeleton")?.remove();
  const plot = new window.uPlot(options(figure, data), [data.starts, data.values], figure);
  const resize = new ResizeObserver(() => {
    if (figure.clientWidth) plot.setSize({ width: figure.clientWidth, height: plot.height });
  });
  resize.observe(figure);
  figure.redraw = () => {
    resize.disconnect();
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
