package failure

import (
	"regexp"
	"strings"
)

// masked stands for what looks like a secret.
const masked = "***"

// named are words in the names of what holds a secret, and value is what
// follows such a name: a quoted text, also one whose quotes are escaped, or all
// up to the next white space.
const (
	named = `(?:passw(?:or)?d|passphrase|secret|token|credentials?|signature|\bsig|\bpwd|_pwd|_pass|(?:api|access|private|account|shared|signing|encryption|auth|ssh|deploy|license)[_-]?key|connection[_-]?string|_auth\b|webhook)`
	value = `(\\?"[^"]*"?|'[^']*'?|[^\s"']+)`
)

// secrets are the forms of credentials. GitHub masks the secrets that it knows
// before it stores a log; these are the ones that it was never told of.
var secrets = []struct {
	form *regexp.Regexp
	with string
}{
	// https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#githubs-token-formats
	{regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9_.-]{16,}|github_pat_\w{16,}|v1\.[0-9a-f]{40})`), masked},
	// AWS key ids, Slack, npm, PyPI, Google, Stripe, GitLab, Netlify, SendGrid, Telegram.
	{regexp.MustCompile(`\b(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{16}\b`), masked},
	{regexp.MustCompile(`\b(?:xox[a-z]-[\w-]{8,}|npm_\w{20,}|pypi-[\w-]{16,}|AIza[\w-]{30,}|[sr]k_(?:live|test)_\w{10,}|glpat-[\w-]{16,}|nfp_\w{20,}|SG\.[\w-]{8,}\.[\w-]{8,}|\d{8,10}:[\w-]{35})`), masked},
	// Addresses that are secrets themselves: Slack, Discord, Teams.
	{regexp.MustCompile(`(?i)\b(hooks\.slack\.com/|discord(?:app)?\.com/api/webhooks/|[\w-]+\.webhook\.office\.com/)\S+`), "${1}" + masked},
	{regexp.MustCompile(`\beyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*)?`), masked}, // JSON web tokens
	{regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY.*`), masked},
	{regexp.MustCompile(`(://)[^/\s]+@`), "${1}" + masked + "@"}, // user:password in URLs
	// Headers, whose whole value is the secret.
	{regexp.MustCompile(`(?i)\b((?:proxy-)?authorization["']?\s*[:=]\s*["']?|(?:set-)?cookie["']?\s*[:=]\s*["']?).+`), "${1}" + masked},
	{regexp.MustCompile(`(?i)\b(bearer|basic|negotiate)\s+[\w.~+/=-]{6,}`), "${1} " + masked},
	// Arguments of commands.
	{regexp.MustCompile(`(?i)((?:^|\s)--?[\w-]*` + named + `[\w-]*(?:\s+|=))` + value), "${1}" + masked},
	{regexp.MustCompile(`((?:^|\s)(?:-u\s*|--(?:proxy-)?user[\s=]\s*)["']?)[^\s:"']+:[^\s"']+`), "${1}" + masked},
	// Settings: NAME=value, name: value, "name": "value", name => value.
	{regexp.MustCompile(`(?i)([\w.-]*` + named + `[\w.-]*\\?["']?\s*=>?\s*)` + value), "${1}" + masked},
	{regexp.MustCompile(`(?i)([\w.-]*` + named + `(?:[_.-]\w+)*\\?["']?\s*:\s*)` + value), "${1}" + masked},
	{regexp.MustCompile(`(?i)([?&](?:key|code|auth|apikey)=)[^\s&"']+`), "${1}" + masked},
}

// opaque are words long enough to be a key, encoded may be one in Base64.
var (
	opaque  = regexp.MustCompile(`[A-Za-z0-9+_-]{32,}={0,2}`)
	encoded = regexp.MustCompile(`[A-Za-z0-9+/]{32,}={0,2}`)
)

// Mask replaces what looks like a credential by "***". It errs on the side of
// masking: a word of 32 characters that mixes cases and digits is one.
func Mask(s string) string {
	for _, f := range secrets {
		s = f.form.ReplaceAllString(s, f.with)
	}
	s = opaque.ReplaceAllStringFunc(s, func(word string) string {
		if mixes(word) {
			return masked
		}
		return word
	})
	return encoded.ReplaceAllStringFunc(s, func(word string) string {
		if mixes(word) && 4*changes(word) > len(word) {
			return masked
		}
		return word
	})
}

// mixes is true of words with letters of both cases and digits.
func mixes(word string) bool {
	const digits, lower, upper = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return strings.ContainsAny(word, digits) && strings.ContainsAny(word, lower) && strings.ContainsAny(word, upper)
}

// changes counts how often letters of one case, of the other and digits follow
// upon each other: two times of three in a random text, seldom in a path.
func changes(word string) (n int) {
	last := ' '
	for _, r := range word {
		var kind rune
		switch {
		case r >= 'a' && r <= 'z':
			kind = 'a'
		case r >= 'A' && r <= 'Z':
			kind = 'A'
		case r >= '0' && r <= '9':
			kind = '0'
		default:
			continue
		}
		if last != ' ' && kind != last {
			n++
		}
		last = kind
	}
	return n
}
