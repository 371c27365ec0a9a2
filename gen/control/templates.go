package control

import (
	"embed"
	"strings"
	"sync"
	"text/template"
)

//go:embed templates
var templateFiles embed.FS

// templates are the texts in which few things differ from machine to machine.
// Why they are as they are, they say themselves, in comments that stay there.
var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Option("missingkey=error").
		Funcs(template.FuncMap{"time": haproxyTime}).ParseFS(templateFiles, "templates/*.tmpl"))
})

// values are what a template is filled with, by name.
type values map[string]any

// fill gives a template's text. What fails is the template itself: tests fill
// all of them.
func fill(name string, v values) string {
	var b strings.Builder
	if err := templates().ExecuteTemplate(&b, name, v); err != nil {
		panic(err)
	}
	return b.String()
}
