/** Certificates that tests make with openssl. */

/** For the shell: one of no days has expired once the second is over in which it was made. */
export const UNTIL_NEXT_SECOND =
  "made=$(date +%s); while [ $(date +%s) = $made ]; do sleep 0.05; done";
