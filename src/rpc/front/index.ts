export { AddressSet } from './addresses.js';
export { ControlBudget } from './control-budget.js';
export { Front } from './front.js';
export {
  DEFAULT_FRONT_LIMITS,
  type FrontFigures,
  type FrontLimits,
  LIMIT_NAMES,
  type LimitName,
} from './limits.js';
export { ResetBudget, resetsEachCall } from './reset-budget.js';
