// `import` in a cell. V8's console mode knows neither the statement, which belongs to modules, nor, in node, the function, which
// has nobody to ask: both become calls of a function of ours.
//
// What is in strings, comments, templates' text and regular expressions is left alone. No more of the language is understood than
// that takes; lines stay where they are.
'use strict';

const TOKEN = new RegExp([
  /(?<skip>\s+|\/\/[^\n]*|\/\*[^]*?\*\/)/,
  /(?<string>"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*')/,
  /(?<word>[\p{ID_Start}$_#][\p{ID_Continue}$\u200c\u200d]*|\d[\w.]*)/,
  /(?<mark>=>|\+\+|--|[^])/,
].map((part) => part.source).join('|'), 'uy');
const REGEXP = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\p{ID_Continue}*/uy;
const TEMPLATE_TEXT = /(?:[^`\\$]|\\[^]|\$(?!\{))*(?<end>`|\$\{)/y;

const NAME = '[\\p{ID_Start}$_][\\p{ID_Continue}$]*';
const GAP = '(?:\\s|//[^\\n]*\\n|/\\*[^]*?\\*/)*';
const STATEMENT = new RegExp(
  `import${GAP}(?:(?<clause>(?:${NAME}|[{},*]|"[^"\\n]*"|'[^'\\n]*'|\\s|//[^\\n]*\\n|/\\*[^]*?\\*/)+?)${GAP}\\bfrom${GAP}|` +
  `(?<bindings>\\{[^}]*\\}|\\*\\s*as\\s+${NAME})${GAP}from${GAP}|)` +
  `(?<name>"[^"\\n]*"|'[^'\\n]*')(?:\\s+(?:with|assert)\\s*(?<attributes>\\{[^}]*\\}))?`, 'uy');

// After these a slash begins a regular expression.
const BEFORE_REGEXP = new Set(('return typeof instanceof in of new delete void throw case do else yield await ' +
                               '( , = : [ ! & | ? { } ; + - * % ~ ^ < > =>').split(' '));

// The source with its imports replaced by calls of the global function `importer`.
function replaceImports(source, importer) {
  if (!/\bimport\b/.test(source)) return source;
  const out = [];
  // Of each brace that is open: whether it is a template's.
  const braces = [];
  let before = '';
  let depth = 0;
  const takeTemplate = (at) => {
    TEMPLATE_TEXT.lastIndex = at;
    const match = TEMPLATE_TEXT.exec(source);
    if (!match) return source.length;
    if (match.groups.end === '${') braces.push('template');
    before = match.groups.end === '${' ? '{' : ')';
    return TEMPLATE_TEXT.lastIndex;
  };
  for (let at = 0; at < source.length;) {
    const start = at;
    TOKEN.lastIndex = at;
    const { 0: text, groups } = TOKEN.exec(source);
    at += text.length;
    if (groups.word === 'import' && before !== '.') {
      const replaced = replaceOne(source, start, importer, depth === 0 && braces.length === 0);
      out.push(replaced.text);
      at = replaced.end;
      before = 'import';
      continue;
    }
    if (groups.mark === '`') {
      at = takeTemplate(at);
    } else if (groups.mark === '}' && braces.at(-1) === 'template') {
      braces.pop();
      at = takeTemplate(at);
    } else if (groups.mark === '/' && (before === '' || BEFORE_REGEXP.has(before))) {
      REGEXP.lastIndex = start;
      if (REGEXP.exec(source)) at = REGEXP.lastIndex;
      before = ')';
    } else if (!groups.skip) {
      before = groups.string ? ')' : text;
      if (text === '{') braces.push('block');
      else if (text === '}') braces.pop();
      else if (text === '(' || text === '[') depth += 1;
      else if (text === ')' || text === ']') depth -= 1;
    }
    out.push(source.slice(start, at));
  }
  return out.join('');
}

// The import at `start`: what to put there, and where it ends.
function replaceOne(source, start, importer, atTop) {
  const after = start + 'import'.length;
  if (/^\s*\(/.test(source.slice(after, after + 1000))) return { text: importer, end: after };
  STATEMENT.lastIndex = start;
  const match = atTop ? STATEMENT.exec(source) : null;
  if (!match) return { text: 'import', end: after };
  const { clause, bindings, name, attributes } = match.groups;
  const request = `await ${importer}(${name}${attributes ? `, { with: ${attributes} }` : ''})`;
  const lines = '\n'.repeat(match[0].split('\n').length - 1);
  return { text: `${declaration(clause ?? bindings, request)}${lines}`, end: STATEMENT.lastIndex };
}

function declaration(clause, request) {
  if (!clause) return request;
  const plain = clause.replace(/\/\/[^\n]*\n|\/\*[^]*?\*\//g, ' ').trim();
  const space = /\*\s*as\s+([^\s,]+)/.exec(plain)?.[1];
  const names = /\{([^}]*)\}/.exec(plain)?.[1];
  const first = /^[^{*,]+/.exec(plain)?.[0].trim();
  const members = (names ?? '').replace(/\s+as\s+/g, ': ').split(/\s*,\s*/).map((name) => name.trim()).filter(Boolean);
  if (first) members.unshift(`default: ${first}`);
  if (space && !first) return `const ${space} = ${request}`;
  if (space) return `const ${space} = ${request}, { default: ${first} } = ${space}`;
  return `const { ${members.join(', ')} } = ${request}`;
}

module.exports = { replaceImports };
