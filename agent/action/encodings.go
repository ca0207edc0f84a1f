package action

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"
)

// encoded gives the forms in which a value of at least minSecret bytes gets into logs by ordinary means:
// base64, hex, URL and JSON escaping. It is a fixed number of forms, each at
// most six times as long as the value. Who wants to show a secret can still do
// so (in reverse, letter by letter); this is against accidents.
func encoded(value string) []string {
	raw := hex.EncodeToString([]byte(value))
	forms := append(inBase64([]byte(value)), raw, strings.ToUpper(raw))
	forms = append(forms, inURL(value)...)
	return append(forms, inJSON(value)...)
}

// Line lengths of base64(1) and of PEM.
var wrapped = []int{76, 64}

// inBase64 gives the value's letters at each place that it can have in a longer
// text: after 0, 1 or 2 bytes of a group of three. Letters that it shares with
// its neighbours are left out; they hold at most 4 bits of it on each side.
func inBase64(value []byte) []string {
	var forms []string
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		for before := range 3 {
			text := enc.EncodeToString(slices.Concat(make([]byte, before), value))
			first, end := (before*8+5)/6, (before+len(value))*8/6
			forms = append(forms, text[first:end])
			if before == 0 { // as a whole, in lines or not
				forms = append(forms, text, strings.TrimRight(text, "="))
				for _, width := range wrapped {
					forms = append(forms, inLines(text, width), inLines(text[:end], width))
				}
			}
		}
	}
	return forms
}

func inLines(text string, width int) string {
	var lines []string
	for len(text) > width {
		lines, text = append(lines, text[:width]), text[width:]
	}
	return strings.Join(append(lines, text), "\n")
}

// inURL gives the escaping of queries, of paths and of JavaScript's
// encodeURIComponent, each with digits in both cases.
func inURL(value string) []string {
	query := url.QueryEscape(value)
	component := strings.ReplaceAll(query, "+", "%20")
	script := strings.NewReplacer("%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*").Replace(component)
	forms := []string{query, component, script, url.PathEscape(value)}
	for _, f := range slices.Clone(forms) {
		forms = append(forms, lowerEscapes(f))
	}
	return forms
}

func lowerEscapes(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:], strings.ToLower(string(b[i+1:i+3])))
		}
	}
	return string(b)
}

// inJSON gives the insides of the string as it is written with and without
// escaping for HTML, and in ASCII alone.
func inJSON(value string) []string {
	var plain strings.Builder
	enc := json.NewEncoder(&plain)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return nil // a string can be encoded
	}
	inside := strings.Trim(strings.TrimSpace(plain.String()), "\n")
	inside = inside[1 : len(inside)-1]
	html := strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`).Replace(inside)
	forms := []string{inside, html, strings.ReplaceAll(inside, "/", `\/`)}
	for _, f := range slices.Clone(forms) {
		forms = append(forms, asciiOnly(f))
	}
	return forms
}

func asciiOnly(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < 0x80:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
