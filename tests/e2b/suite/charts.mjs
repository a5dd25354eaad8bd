// The data of charts: what result.chart tells of a matplotlib figure.

import { assert, group } from './harness.mjs';

const it = group('charts');

async function chart(t, code) {
  const sandbox = await t.code();
  const execution = await sandbox.runCode(`import matplotlib.pyplot as plt\n${code}\nplt.show()`);
  assert.equal(execution.error, undefined, `${execution.error?.name}: ${execution.error?.value}`);
  const result = execution.results.find(({ png }) => png);
  assert.ok(result, 'there is a picture');
  assert.ok(result.chart, 'there is a chart');
  return result.chart;
}

const isNumber = (value) => typeof value === 'number';
const isText = (value) => typeof value === 'string';

it('line', async (t) => {
  const found = await chart(t, 'plt.plot([0, 1, 2], [0, 1, 4], label="square")\nplt.plot([0, 1, 2], [0, 1, 8], label="cube")\n' +
    'plt.xlabel("Time (s)")\nplt.ylabel("Height (m)")\nplt.title("Growth")\nplt.legend()');
  assert.equal(found.type, 'line');
  assert.equal(found.title, 'Growth');
  assert.deepEqual([found.x_label, found.x_unit, found.y_label, found.y_unit], ['Time (s)', 's', 'Height (m)', 'm']);
  assert.deepEqual([found.x_scale, found.y_scale], ['linear', 'linear']);
  assert.ok(found.x_ticks.every(isNumber) && found.y_ticks.every(isNumber));
  assert.ok(found.x_tick_labels.every(isText) && found.y_tick_labels.every(isText));
  assert.deepEqual(found.elements.map(({ label }) => label), ['square', 'cube']);
  assert.deepEqual(found.elements[0].points, [[0, 0], [1, 1], [2, 4]]);
});

it('scatter', async (t) => {
  const found = await chart(t, 'plt.scatter([1, 2], [3, 4], label="first")\nplt.scatter([5, 6, 7], [7, 8, 9], label="second")\n' +
    'plt.xlabel("A")\nplt.ylabel("B")');
  assert.equal(found.type, 'scatter');
  assert.equal(found.title, null);
  assert.deepEqual([found.x_label, found.y_label, found.x_unit], ['A', 'B', null]);
  assert.deepEqual(found.elements.map(({ label }) => label), ['first', 'second']);
  assert.deepEqual(found.elements[0].points, [[1, 3], [2, 4]]);
});

it('bar', async (t) => {
  const found = await chart(t, 'plt.bar(["Ada", "Bob", "Eve"], [100, 200, 300], label="Sold")\n' +
    'plt.xlabel("Authors")\nplt.ylabel("Books")\nplt.title("Sales")');
  assert.equal(found.type, 'bar');
  assert.deepEqual([found.title, found.x_label, found.y_label], ['Sales', 'Authors', 'Books']);
  assert.deepEqual([found.x_unit, found.y_unit], [null, null]);
  assert.deepEqual(found.elements.map(({ label }) => label), ['Ada', 'Bob', 'Eve']);
  assert.deepEqual(found.elements.map(({ value }) => Number(value)), [100, 200, 300]);
  assert.ok(found.elements.every((bar) => bar.group === 'Sold'));
});

it('pie', async (t) => {
  const found = await chart(t, 'plt.pie([90, 10], labels=["No", "Yes"])\nplt.title("Answers")');
  assert.equal(found.type, 'pie');
  assert.equal(found.title, 'Answers');
  assert.deepEqual(found.elements.map(({ label, angle, radius }) => [label, Math.round(angle), radius]),
                   [['No', 324, 1], ['Yes', 36, 1]]);
});

it('box and whisker', async (t) => {
  const found = await chart(t, 'data = {"A": [85, 90, 78, 92, 88], "B": [95, 89, 76, 91, 84, 87]}\nfig, ax = plt.subplots()\n' +
    'ax.boxplot(data.values(), labels=data.keys(), patch_artist=True)\nax.set_title("Scores")\nax.set_ylabel("Score")');
  assert.equal(found.type, 'box_and_whisker');
  assert.equal(found.title, 'Scores');
  assert.deepEqual(found.elements.map(({ label }) => label), ['A', 'B']);
  assert.deepEqual(found.elements.map((box) => [box.min, box.first_quartile, box.median, box.third_quartile, box.max]),
                   [[78, 85, 88, 90, 92], [84, 84.75, 88, 90.5, 95]]);
  assert.deepEqual(found.elements.map(({ outliers }) => outliers), [[], [76]]);
});

it('several axes are a superchart', async (t) => {
  const found = await chart(t, 'fig, axes = plt.subplots(1, 2)\nfig.suptitle("Both")\n' +
    'axes[0].plot([1, 2, 3])\naxes[0].set_title("Left")\naxes[1].scatter([1, 2], [3, 4])\naxes[1].set_title("Right")');
  assert.equal(found.type, 'superchart');
  assert.equal(found.title, 'Both');
  assert.deepEqual(found.elements.map(({ type, title }) => [type, title]), [['line', 'Left'], ['scatter', 'Right']]);
});

it('times, categories and logarithms on the axes', async (t) => {
  const times = await chart(t, 'import datetime\nplt.plot([datetime.date(2023, 9, n) for n in (1, 2, 3)], [1, 2, 3])');
  assert.equal(times.x_scale, 'datetime');
  assert.match(String(times.elements[0].points[0][0]), /^2023-09-01/);
  const categories = await chart(t, 'plt.plot([1, 2, 3], ["A", "B", "C"])');
  assert.deepEqual([categories.x_scale, categories.y_scale], ['linear', 'categorical']);
  const log = await chart(t, 'plt.plot([1, 10, 100], [1, 10, 100])\nplt.xscale("log")');
  assert.equal(log.x_scale, 'log');
}, { seconds: 120 });

it('what is none of these is unknown', async (t) => {
  const found = await chart(t, 'plt.quiver([1, 2], [3, 4], [1, 0], [0, 1])\nplt.title("Arrows")');
  assert.equal(found.type, 'unknown');
  assert.equal(found.title, 'Arrows');
});
