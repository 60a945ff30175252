/** Times of the wall clock for people and programs; the engine has no calendar. */

const DAY = 86_400;

/** Seconds since 1970 as `2026-01-31T12:00:00Z`. */
export function timeText(seconds: number): string {
  const { year, month, day } = dateOf(Math.floor(seconds / DAY));
  const rest = ((seconds % DAY) + DAY) % DAY;
  const clock = [rest / 3600, (rest / 60) % 60, rest % 60].map((part) => two(Math.floor(part)));
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}T${clock.join(":")}Z`;
}

function two(part: number): string {
  return String(part).padStart(2, "0");
}

/** The date of a day since 1970: years are counted from March, so that a leap day is the last. */
function dateOf(days: number) {
  const shifted = days + 719_468; // from 0000-03-01
  const era = Math.floor(shifted / 146_097);
  const ofEra = shifted - era * 146_097;
  const years = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) /
      365,
  );
  const ofYear = ofEra - (365 * years + Math.floor(years / 4) - Math.floor(years / 100));
  const fromMarch = Math.floor((5 * ofYear + 2) / 153);
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  const day = ofYear - Math.floor((153 * fromMarch + 2) / 5) + 1;
  return { year: years + era * 400 + (month <= 2 ? 1 : 0), month, day };
}
