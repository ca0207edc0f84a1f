package home

var ruleExpression = Rule{
	ID: "expression", Refuses: "an expression that cannot be read, or is longer than 21,000 characters",
	Why: "it could ask for anything",
}

func (j *judge) expression(at place, err error) {
	j.refuse(&ruleExpression, at, "%s, so that what it asks for cannot be known", err)
}
