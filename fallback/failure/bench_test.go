package failure

import (
	"bytes"
	"fmt"
	"testing"
)

// BenchmarkRead reads logs that somebody may have made to cost us time, in two
// sizes: MB/s is the same in both as long as reading is linear.
func BenchmarkRead(b *testing.B) {
	for name, line := range map[string]string{
		"short lines":   "e\n",
		"one long line": "error ",
		"escapes":       "\x1b[\x1b]",
		"all alike":     "token token failed: x err! exception (a) error TS1\n",
		"annotations":   "##[error]Process completed with exit code 1.\n",
	} {
		for _, size := range []int{1 << 20, 8 << 20} {
			log := bytes.Repeat([]byte(line), size/len(line))
			b.Run(fmt.Sprintf("%s/%dMiB", name, size>>20), func(b *testing.B) {
				b.SetBytes(int64(len(log)))
				for b.Loop() {
					Read(log, Section{})
				}
			})
		}
	}
}
