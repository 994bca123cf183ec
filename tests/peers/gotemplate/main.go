// Runs Go templates for comparison: a JSON list of cases in, a JSON list of outcomes out.
package main

import (
	"encoding/json"
	"os"
	"strings"
	"text/template"
)

type session struct {
	ID, DialogName, CurrentState string
	Variables                    map[string]string
}

func (s *session) GetVariable(name string) string { return s.Variables[name] }
func (s *session) GetCurrentState() string        { return s.CurrentState }

type given struct {
	Template  string
	Variables map[string]string
	Result    map[string]interface{}
	Speech    *string
	Digit     string
}

type outcome struct {
	Text  string `json:"text"`
	Error string `json:"error"`
}

func run(in given) outcome {
	parsed, err := template.New("t").Parse(in.Template)
	if err != nil {
		return outcome{Error: "parse"}
	}
	var event interface{}
	if in.Speech != nil {
		event = *in.Speech
	}
	if in.Digit != "" {
		event = []rune(in.Digit)[0]
	}
	data := struct {
		Variables map[string]string
		Event     interface{}
		Result    map[string]interface{}
		Session   *session
	}{in.Variables, event, in.Result, &session{"s1", "desk", "ask", in.Variables}}
	var out strings.Builder
	if err := parsed.Execute(&out, data); err != nil {
		return outcome{Error: "run"}
	}
	return outcome{Text: out.String()}
}

func main() {
	var cases []given
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		panic(err)
	}
	outcomes := []outcome{}
	for _, one := range cases {
		outcomes = append(outcomes, run(one))
	}
	if err := json.NewEncoder(os.Stdout).Encode(outcomes); err != nil {
		panic(err)
	}
}
