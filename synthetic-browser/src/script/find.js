// Queries: lists of parts, each of which narrows what the one before it found.

function says(text, wanted, exact) {
  const [have, want] = [collapse(text), collapse(wanted)];
  return exact ? have === want : have.toLowerCase().includes(want.toLowerCase());
}

const FIND = {
  css: (scope, { text }) => select(scope, text),
  id: (scope, { text }) => select(scope, `#${CSS.escape(text)}`),
  test_id: (scope, { text }) => select(scope, `[data-testid="${CSS.escape(text)}"]`),
  placeholder: (scope, { text, exact }) => select(scope, '[placeholder]').filter((element) => says(attributeOf(element, 'placeholder'), text, exact)),
  label: (scope, { text, exact }) => labelled(scope).filter((element) => labelsOf(element).some((label) => says(label, text, exact))),
  role: (scope, { role, text, exact }) =>
    select(scope, '*').filter((element) => roleOf(element) === role && (!text || says(nameOf(element), text, exact)) && !isConcealed(element)),
  text: (scope, { text, exact }) => {
    const texts = new Map();
    const matches = (element) => {
      if (!texts.has(element)) texts.set(element, !UNREAD.has(own(element, 'tagName')) && says(textOf(element), text, exact));
      return texts.get(element);
    };
    const innermost = (element) => {
      if (!matches(element)) return [];
      const inner = [...elementsIn(own(element, 'shadowRoot')), ...elementsIn(element)].flatMap(innermost);
      return inner.length > 0 ? inner : [element];
    };
    // An exact text may be that of an element whose ancestors say more.
    if (exact) {
      const all = select(scope, '*').filter(matches);
      return all.filter((element) => !all.some((other) => other !== element && contains(element, other)));
    }
    return [...elementsIn(own(scope, 'shadowRoot')), ...elementsIn(scope)].flatMap(innermost);
  },
};

function labelled(scope) {
  return select(scope, 'button, input, meter, output, progress, select, textarea, [aria-label], [aria-labelledby]')
    .filter((element) => element.type !== 'hidden');
}

// What a query finds, and how many of its parts found anything.
function find(query) {
  let found = [document];
  for (const [at, part] of query.entries()) {
    if (part.by === 'nth') found = found.slice(part.n, part.n === -1 ? undefined : part.n + 1);
    else if (part.by === 'has_text') found = found.filter((element) => says(textOf(element), part.text, part.exact));
    else found = [...new Set(found.flatMap((scope) => FIND[part.by](scope, part)))];
    if (found.length === 0) return { found, failed: at };
  }
  return { found, failed: null };
}

function one(query) {
  const { found } = find(query);
  return found.length === 1 ? found[0] : null;
}

// How alike two texts are, from 0 to 1: the share of pairs of letters that they have in common (Dice's coefficient).
function alike(left, right) {
  const pairs = (text) => {
    const plain = ` ${text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, ' ').trim()} `;
    return Array.from({ length: plain.length - 1 }, (_, at) => plain.slice(at, at + 2));
  };
  const [mine, theirs] = [pairs(left), pairs(right)];
  if (mine.length + theirs.length === 0) return 0;
  const left_over = [...theirs];
  const common = mine.filter((pair) => {
    const at = left_over.indexOf(pair);
    if (at >= 0) left_over.splice(at, 1);
    return at >= 0;
  });
  return (2 * common.length) / (mine.length + theirs.length);
}

// What a reader may have meant: elements of the same kind, those with the most similar name first.
function near(query) {
  const idOf = (element) => attributeOf(element, 'id') ?? '';
  const last = query.findLast((part) => part.by !== 'nth');
  if (!last) return [];
  const call = (element) => {
    const [role, id] = [roleOf(element), idOf(element) ? ` (#${idOf(element)})` : ''];
    const name = nameOf(element) || labelsOf(element)[0] || '';
    return role && name && last.by !== 'test_id' ? `${role} "${shorten(name, 60)}"${id}` : summary(element);
  };
  // Each kind: where to look, by what to compare, with what, and how alike it must be.
  const ids = (last.text ?? '').match(/[#.]([\w-]+)|["']([^"']+)["']/);
  const kinds = {
    role: () => [select(document, '*').filter((element) => roleOf(element) === last.role && !isConcealed(element)), nameOf, last.text, 0],
    label: () => [labelled(document), (element) => labelsOf(element)[0] ?? '', last.text, 0],
    placeholder: () => [select(document, '[placeholder]'), (element) => attributeOf(element, 'placeholder'), last.text, 0],
    test_id: () => [select(document, '[data-testid]'), (element) => attributeOf(element, 'data-testid'), last.text, 0.25],
    id: () => [select(document, '[id]'), idOf, last.text, 0.3],
    css: () => [select(document, '[id], [class], [name]'), (element) => `${idOf(element)} ${attributeOf(element, 'class') ?? ''} ${attributeOf(element, 'name') ?? ''}`, ids?.[1] ?? ids?.[2] ?? last.text, 0.3],
    text: () => [select(document, '*').filter((element) => elementsIn(element).length === 0 && !UNREAD.has(own(element, 'tagName'))), textOf, last.text, 0.4],
    has_text: () => [find(query.slice(0, query.indexOf(last))).found, textOf, last.text, 0],
  };
  const [candidates, name, wanted, least] = kinds[last.by]();
  return candidates.slice(0, 2000)
    .map((element) => ({ element, score: wanted ? alike(name(element).slice(0, 200), wanted) : 0 }))
    .filter(({ score }) => score >= least)
    .sort((left, right) => right.score - left.score)
    .slice(0, 5)
    .map(({ element }) => call(element));
}
