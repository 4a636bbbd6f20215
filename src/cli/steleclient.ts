#!/usr/bin/env node
import { main } from './client/main.js';
import { runProcess } from './kit/process.js';

await runProcess(main);
