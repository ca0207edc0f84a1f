package action

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func TestRedactionAcrossWrites(t *testing.T) {
	env := map[string]string{"A": "abcd", "B": "abcdefgh", "C": "first line\nsecond line", "D": "on", "PATH": SearchPath}
	const text = "x abcdefgh abcd abcdef first line\nsecond line on abc first line. " + SearchPath + " abcdefg"
	const want = "x [redacted] [redacted] [redacted]ef [redacted] on abc [redacted]. " + SearchPath + " [redacted]efg"
	for size := 1; size <= len(text); size++ {
		c := newCapture(1000, secrets(env))
		for rest := []byte(text); len(rest) > 0; {
			n := min(size, len(rest))
			_, _ = c.Write(rest[:n])
			rest = rest[n:]
		}
		if got, _ := c.close(); string(got) != want {
			t.Fatalf("in pieces of %d:\n got %s\nwant %s", size, got, want)
		}
	}
}

// TestEncodedForms: of what an ordinary program makes of a value nothing is left
// but the letters of base64 that it shares with its neighbours.
func TestEncodedForms(t *testing.T) {
	const value = `p/ss+w&rd "ü" 😀<x>?!~ and enough of it for a second line of base64, which has 76 letters`
	quoted, err := json.Marshal(value)
	must(t, err)
	forms := map[string]string{
		"plain": value, "hex": hex.EncodeToString([]byte(value)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(value))),
		"query": url.QueryEscape(value), "path": url.PathEscape(value), "lower case": lowerEscapes(url.QueryEscape(value)),
		"JSON": strings.Trim(string(quoted), `"`), "ASCII JSON": `p/ss+w&rd \"\u00fc\" \ud83d\ude00<x>?!~ and enough of it for a second line of base64, which has 76 letters`,
		"wrapped": inLines(base64.StdEncoding.EncodeToString([]byte(value)), 76),
	}
	for name, enc := range map[string]*base64.Encoding{"std": base64.StdEncoding, "raw std": base64.RawStdEncoding, "url": base64.URLEncoding, "raw url": base64.RawURLEncoding} {
		for before := range 4 {
			for after := range 4 {
				forms[fmt.Sprint(name, before, after)] = enc.EncodeToString([]byte("abc"[:before] + value + "xyz"[:after]))
			}
		}
	}
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			c := newCapture(10000, secrets(map[string]string{"TOKEN": value}))
			_, _ = c.Write([]byte("before:" + form + ":after"))
			got, _ := c.close()
			left := strings.TrimSuffix(strings.TrimPrefix(strings.Replace(string(got), redacted, "", 1), "before:"), ":after")
			if len(left) > 11 || !strings.Contains(string(got), redacted) { // "abc" and "xyz" with what they share, and padding
				t.Errorf("of %s\n%s is left", form, got)
			}
		})
	}
}

func TestShortestSecret(t *testing.T) {
	for value, want := range map[string]string{"abc": "abc YWJj", "abcd": redacted + " " + redacted} {
		c := newCapture(1000, secrets(map[string]string{"A": value}))
		_, _ = c.Write([]byte(value + " " + base64.StdEncoding.EncodeToString([]byte(value))))
		if got, _ := c.close(); string(got) != want {
			t.Errorf("%s: got %s, want %s", value, got, want)
		}
	}
}

// An output full of secrets costs no more than any other one.
func BenchmarkCapture(b *testing.B) {
	env := map[string]string{}
	for i := range 20 {
		env[fmt.Sprint(i)] = strings.Repeat(fmt.Sprintf("secret %d ", i), 10)
	}
	all := secrets(env)
	text := bytes.Repeat([]byte(env["7"]), 300)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		c := newCapture(1000, all)
		_, _ = c.Write(text)
	}
}

// FuzzEncoded: whatever a value is, its forms are not empty of sense, and are
// as many and as long as promised.
func FuzzEncoded(f *testing.F) {
	f.Add("sup3rs3cr3t-value-42")
	f.Add("\xff\x00%\n\"")
	f.Fuzz(func(t *testing.T, value string) {
		if value = strings.TrimSpace(value); len(value) < minSecret {
			return
		}
		forms := encoded(value)
		if len(forms) > 50 {
			t.Errorf("%d forms", len(forms))
		}
		for _, form := range forms {
			if len(form) > 6*len(value)+8 {
				t.Errorf("%q becomes %q", value, form)
			}
		}
		c := newCapture(1<<20, secrets(map[string]string{"A": value}))
		_, _ = c.Write([]byte(value))
		got, _ := c.close()
		if bytes.Contains(got, []byte(value)) && !strings.Contains(redacted, value) {
			t.Errorf("%q shows in %q", value, got)
		}
	})
}

// FuzzCapture compares with doing it all at once.
func FuzzCapture(f *testing.F) {
	f.Add([]byte("hello secret world"), 7, 10)
	f.Add([]byte(strings.Repeat("secre", 20)+"secret"), 1, 2)
	f.Fuzz(func(t *testing.T, text []byte, size, limit int) {
		size, limit = max(1, size), min(max(limit, 2), 1<<16)
		c := newCapture(limit, [][]byte{[]byte("secret")})
		for rest := text; len(rest) > 0; {
			n := min(size, len(rest))
			_, _ = c.Write(rest[:n])
			rest = rest[n:]
		}
		all := bytes.ReplaceAll(text, []byte("secret"), []byte(redacted))
		want := all
		if over := len(all) - limit; over > 0 {
			want = append([]byte(nil), all[:limit-limit/2]...)
			want = append(want, cutMark(int64(over))...)
			want = append(want, all[len(all)-limit/2:]...)
		}
		if got, _ := c.close(); !bytes.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
