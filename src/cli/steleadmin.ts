#!/usr/bin/env node
import { main } from './admin/main.js';
import { runProcess } from './kit/process.js';

await runProcess(main);
