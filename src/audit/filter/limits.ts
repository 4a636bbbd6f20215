/** Characters of a filter's text. */
export const FILTER_TEXT_MAX = 65_536;
/** Levels of objects and arrays in each other. */
export const FILTER_DEPTH_MAX = 32;
/** Tests of one field, over the whole filter. Each costs about a microsecond for every event. */
export const FILTER_CLAUSES_MAX = 256;
/** Members of one `$in`, `$nin` or `$all`. */
export const FILTER_LIST_MAX = 1024;
/** Names in a dotted path. */
export const FILTER_PATH_NAMES_MAX = 16;
/** Characters of one regular expression. The time that it takes grows with this times the text's length. */
export const FILTER_REGEX_MAX = 1024;
/** Characters of a text that a regular expression looks at; what is longer counts as no match. */
export const FILTER_SUBJECT_MAX = 32_768;
