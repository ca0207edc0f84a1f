package config_test

import (
	"strings"
	"testing"

	"github.com/redundancy-app/redundancy/config"
)

func TestGuarded(t *testing.T) {
	const (
		uses  = "id: guard, uses: redundancy-app/redundancy/guard@v1, with: {server: 'https://r.example', token: t"
		guard = "{" + uses + "}}"
		yes   = "{if: steps.guard.outputs.proceed == 'true', run: a}"
		asks  = "guard: {runs-on: x, outputs: {proceed: '${{ steps.guard.outputs.proceed }}'}, steps: [" + guard + "]}"
	)
	one := func(steps ...string) string { return "a: {runs-on: x, steps: [" + strings.Join(steps, ", ") + "]}" }
	when := func(cond string) string { return one(guard, `{if: "`+cond+`", run: a}`) }
	after := func(needs, cond string) string {
		if cond != "" {
			cond = `, if: "` + cond + `"`
		}
		return "{needs: " + needs + cond + ", runs-on: x, steps: [{run: a}]}"
	}
	const answer = "needs.guard.outputs.proceed == 'true'"
	for name, c := range map[string]struct {
		jobs string
		want bool
	}{
		"first step":                {one(guard, yes), true},
		"as primary, in other case": {one("{id: Guard, uses: Redundancy-App/Redundancy/guard@0123456789012345678901234567890123456789, with: {server: s, token: t, mode: primary}}", yes), true},
		"as an expression":          {when("${{ steps.guard.outputs.proceed == 'true' }}"), true},
		"with more conditions":      {when("always() && (github.ref == 'x' || true) && Steps.guard.outputs.proceed == 'true'"), true},
		"read as JSON":              {when("fromJSON(steps.guard.outputs.proceed)"), true},
		"either way it is yes":      {when("steps.guard.outputs.proceed == 'true' && true || 'true' == steps.guard.outputs.proceed"), true},
		"the guard alone":           {one(guard), true},
		"jobs share the answer":     {asks + "\n  b: " + after("guard", answer), true},
		"a job behind those":        {asks + "\n  b: " + after("guard", answer) + "\n  c: " + after("b", "") + "\n  d: " + after("[guard, c]", "success()"), true},
		"it waits and asks itself":  {asks + "\n  b: {needs: guard, runs-on: x, steps: [" + guard + ", " + yes + "]}", true},
		"a called workflow, behind": {asks + "\n  b: {needs: guard, if: \"" + answer + "\", uses: acme/x/.github/workflows/y.yml@main}", true},
		"a second job does not ask": {one(guard, yes) + "\n  b: {runs-on: x, steps: [{run: a}]}", false},
		"second step":               {one("{run: a}", guard), false},
		"only under a condition":    {one("{if: github.event_name == 'push', " + uses + "}}"), false},
		"as a fallback":             {one("{" + uses + ", mode: fallback}}"), false},
		"mode by expression":        {one("{" + uses + ", mode: \"${{ 'fallback' }}\"}}"), false},
		"a key of its own":          {one("{"+uses+", key: 'deploy:1'}}", yes), false},
		"it may fail":               {one("{continue-on-error: true, "+uses+"}}", yes), false},
		"no id":                     {one("{uses: redundancy-app/redundancy/guard@v1, with: {server: s, token: t}}"), false},
		"no token":                  {one("{id: guard, uses: redundancy-app/redundancy/guard@v1, with: {server: s}}"), false},
		"no server":                 {one("{id: guard, uses: redundancy-app/redundancy/guard@v1, with: {token: t}}"), false},
		"no version":                {one("{id: guard, uses: redundancy-app/redundancy/guard, with: {server: s, token: t}}"), false},
		"somebody else's":           {one("{id: guard, uses: mallory/redundancy/guard@v1, with: {server: s, token: t}}"), false},
		"another action":            {one("{id: guard, uses: security/guard@v1, with: {server: s, token: t}}"), false},
		"another folder":            {one("{id: guard, uses: redundancy-app/redundancy/guard/x@v1, with: {server: s, token: t}}"), false},
		"an action of its own":      {one("{id: guard, uses: ./guard, with: {server: s, token: t}}"), false},
		"in a container":            {"a: {runs-on: x, container: alpine, steps: [" + guard + ", " + yes + "]}", false},
		"the answer is not heeded":  {one(guard, "{run: a}"), false},
		"not by the last step":      {one(guard, yes, "{run: a}"), false},
		"another step's answer":     {when("steps.other.outputs.proceed == 'true'"), false},
		"the other answer":          {when("steps.guard.outputs.proceed == 'false'"), false},
		"no comparison":             {when("steps.guard.outputs.proceed"), false},
		"or something else":         {when("steps.guard.outputs.proceed == 'true' || github.ref == 'x'"), false},
		"a text that mentions it":   {when("'steps.guard.outputs.proceed' != 'x'"), false},
		"text around an expression": {when("${{ steps.guard.outputs.proceed == 'true' }} x"), false},
		"a line end behind it":      {when(`${{ steps.guard.outputs.proceed == 'true' }}\n`), false},
		"a space before it":         {when(" ${{ steps.guard.outputs.proceed == 'true' }}"), false},
		"one in a text":             {when("steps.guard.outputs.proceed == 'true' && '${{ 1 }}' == ''"), false},
		"braces that end it":        {when("steps.guard.outputs.proceed == 'true' }} || true"), false},
		"a line end, no braces":     {when(`steps.guard.outputs.proceed == 'true'\n`), true},
		"no expression":             {when("steps.guard.outputs.proceed == "), false},
		"too long a condition":      {when("steps.guard.outputs.proceed == 'true' && '" + strings.Repeat("x", 2000) + "' == ''"), false},
		"behind, without condition": {asks + "\n  b: " + after("guard", ""), false},
		"behind, always":            {asks + "\n  b: " + after("guard", "always()"), false},
		"behind those, always":      {asks + "\n  b: " + after("guard", answer) + "\n  c: " + after("b", "${{ !Cancelled() }}"), false},
		"behind those, on failure":  {asks + "\n  b: " + after("guard", answer) + "\n  c: " + after("b", "failure ()"), false},
		"behind those, success or":  {asks + "\n  b: " + after("guard", answer) + "\n  c: " + after("b", "success() || needs.b.result == 'skipped'"), false},
		"behind those, no success":  {asks + "\n  b: " + after("guard", answer) + "\n  c: " + after("b", "!success() || true"), false},
		"behind those, success and": {asks + "\n  b: " + after("guard", answer) + "\n  c: " + after("b", "Success() && (true || always())"), true},
		"success in a text":         {asks + "\n  b: " + after("guard", answer) + "\n  c: " + after("b", " ${{ success() }}"), false},
		"services start before":     {"a: {runs-on: x, services: {db: {image: postgres}}, steps: [" + guard + ", " + yes + "]}", false},
		"services behind":           {asks + "\n  b: {needs: guard, if: \"" + answer + "\", runs-on: x, services: {db: {image: postgres}}, steps: [{run: a}]}", true},
		"a file with errors":        {one(guard, yes) + "\n  b: 1", false},
		"behind one that asks":      {one(guard, yes) + "\n  b: " + after("a", ""), false},
		"an output that is not it":  {strings.Replace(asks, "steps.guard.outputs.proceed", "steps.guard.outputs.epoch", 1) + "\n  b: " + after("guard", answer), false},
		"a workflow that is called": {"a: {uses: acme/x/.github/workflows/y.yml@main}", false},
		"no job":                    {"{}", false},
		"jobs wait for one another": {"a: " + after("b", "") + "\n  b: " + after("a", ""), false},
		"some wait for one another": {asks + "\n  a: " + after("b", "") + "\n  b: " + after("a", ""), false},
		"behind a job that is not":  {asks + "\n  b: " + after("nothing", answer), false},
		"behind those, conditioned": {asks + "\n  b: " + after("guard", answer) + "\n  c: " + after("b", "github.ref == 'x' || true"), true},
	} {
		t.Run(name, func(t *testing.T) {
			facts, _ := config.ReadWorkflow("x.yml", []byte("on: push\njobs:\n  "+c.jobs+"\n"))
			if facts.Guarded != c.want {
				t.Errorf("guarded is %v", facts.Guarded)
			}
		})
	}
}
