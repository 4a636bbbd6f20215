/** Of one field. */
export const FIELD_OPERATORS = [
  '$eq',
  '$ne',
  '$gt',
  '$gte',
  '$lt',
  '$lte',
  '$in',
  '$nin',
  '$exists',
  '$regex',
  '$options',
  '$not',
  '$all',
  '$elemMatch',
  '$size',
  '$type',
];
/** In place of a field. */
export const TOP_OPERATORS = ['$and', '$or', '$nor', '$comment'];

/** Names and numbers of types, as far as JSON has them. */
export const TYPES: Readonly<Record<string, string>> = {
  1: 'number',
  2: 'string',
  3: 'object',
  4: 'array',
  8: 'bool',
  10: 'null',
  16: 'int',
  18: 'long',
  double: 'number',
  number: 'number',
  string: 'string',
  object: 'object',
  array: 'array',
  bool: 'bool',
  boolean: 'bool',
  null: 'null',
  int: 'int',
  long: 'long',
};
