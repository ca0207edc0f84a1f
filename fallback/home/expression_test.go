package home

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReferences(t *testing.T) {
	cases := map[string]struct {
		text      string
		condition bool
		want      []string
		err       error
	}{
		"none":             {"plain", false, nil, nil},
		"no condition":     {"secrets.A", false, nil, nil},
		"condition":        {"secrets.A != ''", true, []string{"secrets.a"}, nil},
		"condition in all": {"${{ secrets.A }}", true, []string{"secrets.a"}, nil},
		"empty condition":  {" ", true, nil, nil},
		"two":              {"${{ secrets.A }}-${{ SECRETS.b }}", false, []string{"secrets.a", "secrets.b"}, nil},
		"adjacent":         {"${{secrets.A}}${{vars.B}}", false, []string{"secrets.a", "vars.b"}, nil},
		"quoted end":       {"${{ format('}}{0}', secrets.A) }}${{ secrets.B }}", false, []string{"secrets.a", "secrets.b"}, nil},
		"quoted context":   {"${{ 'secrets.A' }}", false, nil, nil},
		"index":            {"${{ secrets['A'] }}", false, []string{"secrets.a"}, nil},
		"computed":         {"${{ secrets[env.X] }}", false, []string{"secrets."}, nil},
		"as an index":      {"${{ env[secrets] }}", false, []string{"secrets."}, nil},
		"as its own index": {"${{ secrets[secrets['A']] }}", false, []string{"secrets.a", "secrets."}, nil},
		"in an argument":   {"${{ contains(fromJSON('[]'), secrets.A) && !vars.B }}", false, []string{"secrets.a", "vars.b"}, nil},
		"all":              {"${{ toJSON(secrets) }}", false, []string{"secrets."}, nil},
		"star":             {"${{ secrets.* }}", false, []string{"secrets."}, nil},
		"deeper":           {"${{ github.event.token }}", false, []string{"github.event"}, nil},
		"of another":       {"${{ steps.secrets.outputs.github }}", false, nil, nil},
		"no end":           {"a ${{ secrets.A", false, nil, errNoClose},
		"no syntax":        {"a ${{ secrets.A + }}", false, nil, errNoSyntax},
		"ends early":       {"true }} || secrets.A", true, nil, errNoSyntax},
		"nothing":          {"${{ }}", false, nil, errNoSyntax},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			refs, err := references(tc.text, tc.condition)
			if !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			var got []string
			for _, r := range refs {
				got = append(got, r.context+"."+r.name)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" && err == nil {
				t.Error(diff)
			}
		})
	}
}

func TestExpressionLength(t *testing.T) {
	for n, want := range map[int]error{maxExpression - 1: nil, maxExpression: nil, maxExpression + 1: errLong} {
		inner := "'" + strings.Repeat("x", n-2) + "'"
		if _, err := parseExpression(inner); !errors.Is(err, want) {
			t.Errorf("%d bytes: %v", n, err)
		}
		if _, err := references("${{"+inner+"}} and text behind it", false); !errors.Is(err, want) {
			t.Errorf("%d bytes in a text: %v", n, err)
		}
	}
	// The parser calls itself for each of these.
	if _, err := references("${{ "+strings.Repeat("(", MaxFile), false); !errors.Is(err, errLong) {
		t.Errorf("brackets: %v", err)
	}
}
