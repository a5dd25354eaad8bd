// What runCode's results hold beside text.

import { assert, group } from './harness.mjs';

const it = group('results');

const run = async (t, code) => {
  const sandbox = await t.code();
  const execution = await sandbox.runCode(code);
  assert.equal(execution.error, undefined, `${execution.error?.name}: ${execution.error?.value}`);
  return execution;
};

it('html', async (t) => {
  const { results: [result] } = await run(t, 'from IPython.display import HTML\nHTML("<b>bold</b>")');
  assert.equal(result.html, '<b>bold</b>');
  assert.ok(result.formats().includes('html'));
  assert.equal(result.isMainResult, true);
});

it('markdown and latex', async (t) => {
  const { results } = await run(t, 'from IPython.display import Markdown, Latex\n' +
    'display(Markdown("**bold**"))\ndisplay(Latex("$x^2$"))');
  assert.equal(results[0].markdown, '**bold**');
  assert.equal(results[1].latex, '$x^2$');
});

it('svg', async (t) => {
  const { results: [result] } = await run(t, 'from IPython.display import SVG\n' +
    'SVG(\'<svg xmlns="http://www.w3.org/2000/svg"><rect/></svg>\')');
  assert.match(result.svg, /^<svg[^>]*><rect\/><\/svg>$/);
});

it('javascript', async (t) => {
  const { results: [result] } = await run(t, 'from IPython.display import Javascript\nJavascript("1 + 1")');
  assert.equal(result.javascript, '1 + 1');
});

it('json', async (t) => {
  const { results } = await run(t, 'from IPython.display import JSON\ndisplay(JSON({"a": [1, "ü"]}))\n{"b": {"c": None}}');
  assert.deepEqual(results[0].json, { a: [1, 'ü'] });
  assert.deepEqual(results[1].json, { b: { c: null } });
  assert.equal(results[1].text, "{'b': {'c': None}}");
});

it('png of a figure, with a text', async (t) => {
  const { results: [result] } = await run(t, 'import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nplt.show()');
  const png = Buffer.from(result.png, 'base64');
  assert.equal(png.subarray(1, 4).toString(), 'PNG');
  assert.match(result.text, /Figure/);
  assert.equal(result.isMainResult, false);
});

it('a figure that is not shown by the code is shown at its end', async (t) => {
  const { results } = await run(t, 'import matplotlib.pyplot as plt\n_ = plt.plot([1, 2, 3])');
  assert.ok(results.some(({ png }) => png));
});

it('jpeg', async (t) => {
  const { results: [result] } = await run(t, 'import base64\nfrom IPython.display import display\n' +
    'display({"image/jpeg": base64.b64encode(b"\\xff\\xd8\\xff").decode(), "text/plain": "picture"}, raw=True)');
  assert.equal(Buffer.from(result.jpeg, 'base64')[0], 0xff);
  assert.equal(result.text, 'picture');
});

it('pdf', async (t) => {
  const { results: [result] } = await run(t, 'display({"application/pdf": "JVBERi0=", "text/plain": "paper"}, raw=True)');
  assert.equal(result.pdf, 'JVBERi0=');
});

it('several of them, in their order', async (t) => {
  const { results } = await run(t, 'for n in range(5): display(n)\n"last"');
  assert.deepEqual(results.map(({ text }) => text), ['0', '1', '2', '3', '4', 'last']);
  assert.deepEqual(results.map(({ isMainResult }) => isMainResult), [false, false, false, false, false, true]);
});

it('an object with representations of its own', async (t) => {
  const { results: [result] } = await run(t, 'class Both:\n    def __repr__(self): return "plain"\n' +
    '    def _repr_html_(self): return "<i>html</i>"\n    def _repr_markdown_(self): return "*md*"\nBoth()');
  assert.equal(result.text, 'plain');
  assert.equal(result.html, '<i>html</i>');
  assert.equal(result.markdown, '*md*');
});

it('a data frame: data, html and text', async (t) => {
  const { results: [result] } = await run(t, 'import pandas as pd\npd.DataFrame({"name": ["Ada", "Bob"], "n": [1, 2.5]})');
  assert.deepEqual(result.data, { name: ['Ada', 'Bob'], n: [1, 2.5] });
  assert.match(result.html, /<table/);
  assert.match(result.text, /Ada/);
  assert.ok(result.formats().includes('data'));
});

it('times in a data frame are ISO 8601', async (t) => {
  const { results: [result] } = await run(t, 'import pandas as pd\n' +
    'pd.DataFrame({"t": pd.to_datetime(["2024-05-06 07:08:09"]), "n": [1]})');
  assert.match(result.data.t[0], /^2024-05-06T07:08:09/);
});

it('what is missing in a data frame is no broken JSON', async (t) => {
  const { results: [result] } = await run(t, 'import pandas as pd\npd.DataFrame({"x": [1.0, None], "y": [float("inf"), 2]})');
  assert.ok(result.data, 'there is data');
  assert.equal(result.data.x[0], 1);
});

it('a picture of PIL', async (t) => {
  const { results: [result] } = await run(t, 'from PIL import Image\nImage.new("RGB", (8, 8), "red")');
  assert.equal(Buffer.from(result.png, 'base64').subarray(1, 4).toString(), 'PNG');
});

it('toJSON of a result and of an execution', async (t) => {
  const execution = await run(t, '6 * 7');
  const told = JSON.parse(JSON.stringify(execution));
  assert.equal(told.results[0].text, '42');
  assert.deepEqual(told.logs, { stdout: [], stderr: [] });
});
