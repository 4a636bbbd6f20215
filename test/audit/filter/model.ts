/**
 * The meaning of a filter, written a second time and straight from its description: slow, without a library,
 * on parsed JSON. `/x/` of the filter text is `{ $regex: 'x' }` here.
 */

type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

export function modelMatches(filter: Record<string, Json>, document: Json): boolean {
  return Object.entries(filter).every(([name, value]) => {
    if (name === '$and') return filters(value).every((part) => modelMatches(part, document));
    if (name === '$or') return filters(value).some((part) => modelMatches(part, document));
    if (name === '$nor') return !filters(value).some((part) => modelMatches(part, document));
    if (name === '$comment') return true;
    return field(reach(document, name.split('.')), value);
  });
}

function filters(value: Json): Record<string, Json>[] {
  return value as Record<string, Json>[];
}

function isObject(value: Json | undefined): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * What a path leads to: undefined for nothing. In an array a number is a place; any other name is looked up in
 * every element, and those that have it give a list.
 */
function reach(value: Json | undefined, names: readonly string[]): Json | undefined {
  const [name, ...rest] = names;
  if (name === undefined || value === undefined) return value;
  if (Array.isArray(value)) {
    if (/^\d+$/.test(name)) return reach(value[Number(name)], rest);
    return value.map((element) => reach(element, names)).filter((found) => found !== undefined);
  }
  return isObject(value) && Object.hasOwn(value, name) ? reach(value[name], rest) : undefined;
}

function field(found: Json | undefined, value: Json): boolean {
  const isOperators = isObject(value) && Object.keys(value).some((name) => name.startsWith('$'));
  if (!isOperators) return equals(found, value);
  return Object.entries(value).every(([name, operand]) => operator(found, name, operand, value));
}

function operator(
  found: Json | undefined,
  name: string,
  operand: Json,
  whole: Record<string, Json>,
): boolean {
  const list = operand as Json[];
  const each: (Json | undefined)[] = Array.isArray(found) ? found : [found];
  switch (name) {
    case '$eq':
      return equals(found, operand);
    case '$ne':
      return !equals(found, operand);
    case '$in':
      return list.some((member) => field(found, member));
    case '$nin':
      return !list.some((member) => field(found, member));
    case '$all':
      return list.every((member) => field(found, member));
    case '$not':
      return !field(found, operand);
    case '$exists':
      return (found !== undefined) === operand;
    case '$size':
      return Array.isArray(found) && found.length === operand;
    case '$options':
      return true;
    case '$regex': {
      const pattern = new RegExp(operand as string, (whole.$options as string) ?? '');
      return each.some((element) => typeof element === 'string' && pattern.test(element));
    }
    case '$elemMatch':
      return (
        Array.isArray(found) &&
        found.some((element) =>
          Object.keys(operand as object).some((key) => /^\$(?!and|or|nor)/.test(key))
            ? field(element, operand)
            : isObject(element) && modelMatches(operand as Record<string, Json>, element),
        )
      );
    default:
      return each.some((element) => order(element, name, operand));
  }
}

function order(element: Json | undefined, name: string, operand: Json): boolean {
  if (typeof element !== typeof operand || element === undefined || element === null) return false;
  if (typeof element === 'object') return false;
  const compared = element < (operand as string) ? -1 : element > (operand as string) ? 1 : 0;
  if (name === '$lt') return compared < 0;
  if (name === '$lte') return compared <= 0;
  return name === '$gt' ? compared > 0 : compared >= 0;
}

/** Null equals nothing as well; of an array the whole or any element may equal. */
function equals(found: Json | undefined, value: Json): boolean {
  if (found === undefined) return value === null;
  return same(found, value) || (Array.isArray(found) && found.some((one) => same(one, value)));
}

function same(a: Json, b: Json): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((one, at) => same(one, b[at] as Json));
  }
  if (isObject(a) && isObject(b)) {
    const names = Object.keys(a);
    return (
      names.length === Object.keys(b).length &&
      names.every((name) => Object.hasOwn(b, name) && same(a[name] as Json, b[name] as Json))
    );
  }
  return a === b;
}
