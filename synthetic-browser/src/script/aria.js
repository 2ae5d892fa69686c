// Roles and accessible names: HTML-AAM 1.0 for what elements are, accname 1.2 for what they are called.

const LANDMARK_SCOPES = 'article, aside, main, nav, section, [role=article], [role=complementary], [role=main], [role=navigation], [role=region]';
const INPUT_ROLES = {
  button: 'button', image: 'button', reset: 'button', submit: 'button', file: 'button', checkbox: 'checkbox', radio: 'radio',
  number: 'spinbutton', range: 'slider', search: 'searchbox', color: null, hidden: null,
};
const has = (name) => (element) => (call(element, 'hasAttribute', name) ? 'link' : null);
const unscoped = (role) => (element) => (call(element, 'closest', LANDMARK_SCOPES) ? null : role);
const named = (role) => (element) => (nameOf(element) ? role : null);
const ROLES = {
  A: has('href'), AREA: has('href'), ADDRESS: 'group', ARTICLE: 'article', ASIDE: 'complementary', BLOCKQUOTE: 'blockquote',
  BUTTON: 'button', CAPTION: 'caption', CODE: 'code', DATALIST: 'listbox', DD: 'definition', DEL: 'deletion', DETAILS: 'group',
  DFN: 'term', DIALOG: 'dialog', DT: 'term', EM: 'emphasis', FIELDSET: 'group', FIGURE: 'figure', FOOTER: unscoped('contentinfo'),
  FORM: named('form'), H1: 'heading', H2: 'heading', H3: 'heading', H4: 'heading', H5: 'heading', H6: 'heading',
  HEADER: unscoped('banner'), HGROUP: 'group', HR: 'separator', HTML: 'document', INS: 'insertion', LI: 'listitem', MAIN: 'main',
  MARK: 'mark', MATH: 'math', MENU: 'list', METER: 'meter', NAV: 'navigation', OL: 'list', OPTGROUP: 'group', OPTION: 'option',
  OUTPUT: 'status', P: 'paragraph', PROGRESS: 'progressbar', SEARCH: 'search', SECTION: named('region'), STRONG: 'strong',
  SUB: 'subscript', SUMMARY: 'button', SUP: 'superscript', SVG: 'img', TABLE: 'table', TBODY: 'rowgroup', TEXTAREA: 'textbox',
  TFOOT: 'rowgroup', THEAD: 'rowgroup', TIME: 'time', TR: 'row', UL: 'list',
  IMG: (element) => (attributeOf(element, 'alt') === '' && !element.title && !attributeOf(element, 'aria-label') ? 'presentation' : 'img'),
  INPUT: (element) => {
    if (element.type in INPUT_ROLES) return INPUT_ROLES[element.type] === 'searchbox' && element.list ? 'combobox' : INPUT_ROLES[element.type];
    return element.list && /^(email|tel|text|url)$/.test(element.type) ? 'combobox' : 'textbox';
  },
  SELECT: (element) => (element.multiple || element.size > 1 ? 'listbox' : 'combobox'),
  TD: (element) => (call(element, 'closest', 'table, [role=grid], [role=treegrid]')?.getAttribute('role')?.endsWith('grid') ? 'gridcell' : 'cell'),
  TH: (element) => (/^row/.test(element.scope) ? 'rowheader' : 'columnheader'),
};
const NAMED_BY_CONTENT = new Set([
  'button', 'cell', 'checkbox', 'columnheader', 'gridcell', 'heading', 'link', 'menuitem', 'menuitemcheckbox', 'menuitemradio',
  'option', 'radio', 'row', 'rowheader', 'switch', 'tab', 'tooltip', 'treeitem',
]);

function roleOf(element) {
  const told = (attributeOf(element, 'role') ?? '').trim().toLowerCase().split(/\s+/)[0];
  // What can be focused, or says something of itself, cannot be taken out of the tree by its role.
  const stays = () => own(element, 'tabIndex') >= 0 || /^aria-(label|labelledby|describedby|live|owns|controls)$/m.test(call(element, 'getAttributeNames').join('\n'));
  if (told && !(/^(none|presentation)$/.test(told) && stays())) return told === 'image' ? 'img' : told;
  const native = ROLES[own(element, 'tagName').toUpperCase()];
  return (typeof native === 'function' ? native(element) : native) ?? null;
}

// Whether assistive technology is not told of an element at all.
function isConcealed(element) {
  if (/^OPT(ION|GROUP)$/.test(own(element, 'tagName'))) return call(element, 'closest', 'select') ? isConcealed(call(element, 'closest', 'select')) : false;
  const style = getComputedStyle(element);
  if (style.visibility !== 'visible') return true;
  if (own(element, 'checkVisibility') && style.display !== 'contents' && !call(element, 'checkVisibility')) return true;
  for (let up = element; up; up = parentOf(up)) {
    if (attributeOf(up, 'aria-hidden') === 'true' || own(up, 'inert') || getComputedStyle(up).display === 'none') return true;
  }
  return false;
}

function referenced(element, attribute) {
  const ids = (attributeOf(element, attribute) ?? '').split(/\s+/).filter(Boolean);
  const root = call(element, 'getRootNode');
  return own(root, 'getElementById') ? ids.map((id) => call(root, 'getElementById', id)).filter(Boolean) : [];
}

function labelsOf(element) {
  const by = referenced(element, 'aria-labelledby');
  if (by.length > 0) return [collapse(by.map((label) => nameOf(label, { through: new Set(), referenced: true })).join(' '))];
  const told = collapse(attributeOf(element, 'aria-label') ?? '');
  return [...Array.from(own(element, 'labels') ?? [], (label) => textOf(label)), told].filter(Boolean);
}

// accname 1.2, section 4.3.2; the letters are its steps.
function nameOf(element, context = { through: new Set() }) {
  const { through } = context;
  if (through.has(element)) return '';
  through.add(element);
  const within = { through, inside: true };
  if (!context.referenced && isConcealed(element)) return ''; // A
  if (!context.inside || !context.referenced) { // B
    const by = context.referenced ? [] : referenced(element, 'aria-labelledby');
    const name = collapse(by.map((label) => nameOf(label, { through: new Set(through), referenced: true })).join(' '));
    if (name) return name;
  }
  const role = /^(FORM|SECTION)$/.test(own(element, 'tagName')) && !call(element, 'hasAttribute', 'role') ? null : roleOf(element);
  if (context.inside) { // C
    if (/^(textbox|searchbox)$/.test(role)) return element.type === 'password' ? '' : own(element, 'value') ?? textOf(element);
    if (/^(combobox|listbox)$/.test(role)) return Array.from(element.selectedOptions ?? [], (option) => textOf(option)).join(' ') || (own(element, 'value') ?? '');
    if (/^(slider|spinbutton|progressbar|meter)$/.test(role)) return attributeOf(element, 'aria-valuetext') ?? attributeOf(element, 'aria-valuenow') ?? String(own(element, 'value') ?? '');
  }
  const label = collapse(attributeOf(element, 'aria-label') ?? ''); // D
  if (label) return label;
  if (!/^(none|presentation)$/.test(role)) { // E
    const native = collapse(nativeName(element, within) ?? '');
    if (native) return native;
  }
  if (NAMED_BY_CONTENT.has(role) || context.referenced || context.inside) { // F, G
    const content = contentName(element, within);
    if (content) return content;
  }
  return collapse(attributeOf(element, 'title') ?? (own(element, 'tagName') === 'INPUT' || own(element, 'tagName') === 'TEXTAREA' ? element.placeholder : '') ?? ''); // I
}

function nativeName(element, within) {
  const child = (tag) => elementsIn(element).find((inner) => own(inner, 'localName') === tag);
  const of = (tag) => child(tag) && nameOf(child(tag), { ...within, referenced: true });
  if (own(element, 'labels')?.length) return Array.from(own(element, 'labels'), (inner) => nameOf(inner, { ...within, referenced: true })).join(' ');
  switch (own(element, 'tagName').toUpperCase()) {
    case 'INPUT':
      if (/^(button|submit|reset)$/.test(element.type)) return element.value || { submit: 'Submit', reset: 'Reset' }[element.type];
      return element.type === 'image' ? element.alt || element.title || 'Submit' : null;
    case 'IMG': case 'AREA': return element.alt;
    case 'FIELDSET': return of('legend');
    case 'TABLE': return of('caption');
    case 'FIGURE': return of('figcaption');
    case 'SVG': return child('title')?.textContent;
    default: return null;
  }
}

function contentName(element, within) {
  const pseudo = (which) => {
    const { content } = getComputedStyle(element, which);
    return /^".*"$/s.test(content) ? content.slice(1, -1).replace(/\\(.)/g, '$1') : '';
  };
  const parts = Array.from(childrenOf(element), (node) => {
    if (own(node, 'nodeType') === 3) return node.data;
    if (own(node, 'nodeType') !== 1 || UNREAD.has(own(node, 'tagName'))) return '';
    const name = nameOf(node, within);
    return isInline(node) ? name : ` ${name} `;
  });
  return collapse(pseudo('::before') + parts.join('') + pseudo('::after'));
}
