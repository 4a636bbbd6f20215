import { UsageError } from '../../kit/errors.js';
import { optionRow } from '../../kit/options.js';
import type { Call, Command } from '../print.js';

export const stats: Command = {
  name: 'stats',
  aliases: ['s'],
  usage: '',
  words: [0, 0],
  summary: 'Show figures of the server, live on a terminal',
  details:
    'On a terminal the screen is refreshed until q, Esc or Ctrl-C. Elsewhere, and with --text, --raw or\n' +
    '--json, the figures are printed once. They come from the metrics listener of the server, without a\n' +
    'login.',
  options: [
    optionRow('text', 'switch', 'Print the figures once', { short: 't', flagOnly: true }),
    optionRow('raw', 'switch', 'Print the metrics page as it is', { short: 'r', flagOnly: true }),
    optionRow('metrics', 'text', 'Where the metrics are; by default port 9497 of the server', {
      value: 'HOST:PORT|URL',
    }),
    optionRow('interval', 'number', 'Seconds between two looks', {
      value: 'SECONDS',
      fallback: '3',
    }),
  ],
  async run(call) {
    const { settings, print, signal, world } = call;
    const { MetricsSource } = await import('../stats/source.js');
    const source = new MetricsSource(settings);
    if (settings.has('raw')) return world.out.write(await source.page(signal));
    const once = print.json || settings.has('text');
    if (!once && world.outIsTerminal && world.input.isTTY === true) return live(call, source);
    const { figuresFrom } = await import('../stats/figures.js');
    const { parseMetrics } = await import('../stats/metrics.js');
    const { figuresObject, renderText } = await import('../stats/text.js');
    const figures = figuresFrom(parseMetrics(await source.page(signal)), Date.now());
    if (print.json) print.object(figuresObject(figures));
    else world.out.write(renderText(figures, print.old));
  },
};

async function live(
  { settings, world, signal }: Call,
  source: InstanceType<typeof import('../stats/source.js').MetricsSource>,
): Promise<void> {
  const intervalSeconds = settings.number('interval') as number;
  if (intervalSeconds === 0) throw new UsageError('--interval: expected 1 or more');
  const { Dashboard } = await import('../stats/dashboard.js');
  const colours = !settings.has('no-color') && (settings.env.NO_COLOR ?? '') === '';
  await new Dashboard({ world, source, intervalSeconds, colours }).run(signal);
}
