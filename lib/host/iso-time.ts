/** Times in words: the engine of the image has no Date. */

/** A time of day in UTC, as RFC 3339 writes it. */
export function isoTime(milliseconds: number): string {
  const days = Math.floor(milliseconds / 86_400_000);
  const rest = milliseconds - days * 86_400_000;
  const [year, month, day] = civilDate(days);
  const two = (number: number) => String(Math.floor(number)).padStart(2, "0");
  const date = `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}`;
  const time = `${two(rest / 3_600_000)}:${two((rest / 60_000) % 60)}:${two((rest / 1000) % 60)}`;
  return `${date}T${time}.${String(Math.floor(rest % 1000)).padStart(3, "0")}Z`;
}

/** Days of a cycle of 400 years of the Gregorian calendar, and from its begin in March to 1970. */
const CYCLE = 146_097;
const TO_1970 = 719_468;

/** Year, month and day; years begin in March here, so that a leap day is their last. */
function civilDate(days: number): readonly [number, number, number] {
  const since = days + TO_1970;
  const cycle = Math.floor(since / CYCLE);
  const day = since - cycle * CYCLE;
  const leaps = Math.floor(day / 1460) - Math.floor(day / 36_524) + Math.floor(day / (CYCLE - 1));
  const year = Math.floor((day - leaps) / 365);
  const dayOfYear = day - (365 * year + Math.floor(year / 4) - Math.floor(year / 100));
  const month = Math.floor((5 * dayOfYear + 2) / 153);
  const monthOfYear = month < 10 ? month + 3 : month - 9;
  const first = Math.floor((153 * month + 2) / 5);
  return [year + cycle * 400 + (monthOfYear <= 2 ? 1 : 0), monthOfYear, dayOfYear - first + 1];
}
