import type { Call as KitCall, Command as KitCommand } from '../kit/command.js';
import type { Printer } from './printer.js';

export type Call = KitCall<Printer>;
export type Command = KitCommand<Printer>;
