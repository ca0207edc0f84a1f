package action

import (
	"bytes"
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
