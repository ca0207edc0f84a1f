package config

import "testing"

func BenchmarkParseRepository(b *testing.B) {
	text := example(b, "repository")
	b.ReportAllocs()
	for b.Loop() {
		if _, findings := ParseRepository(RepositoryPath, text); len(findings) > 0 {
			b.Fatal(findings)
		}
	}
}
