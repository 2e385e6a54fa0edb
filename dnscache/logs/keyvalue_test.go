package logs

import (
	"strings"
	"testing"
)

func TestPairs(t *testing.T) {
	for _, c := range []struct {
		line, want string
		failed     Reason
	}{
		{`a=1 b="x y" c=`, `a=1;b=x y;c=;`, Used},
		{`a=1,b="x,y",c=z`, `a=1;b=x,y;c=z;`, Used},
		{`<189>date=2026-11-23 x=y`, `date=2026-11-23;x=y;`, Used},
		{`<189>1 2026-11-23T18:00:00Z fw - - - - date=2026-11-23`, `date=2026-11-23;`, Used},
		{`Nov 23 18:00:00 fw  a=b`, `a=b;`, Used},
		{`u="CORP\ann" p="C:\\a" q="say \"hi\" =x"`, `u=CORP\ann;p=C:\a;q=say "hi" =x;`, Used},
		{`q="\\" r="\"" s="a\\\"b"`, `q=\;r=";s=a\"b;`, Used},
		{`a=::1 b=10.0.0.1`, `a=::1;b=10.0.0.1;`, Used},
		{`no pairs here`, ``, Used},
		{``, ``, Used},
		{`a="x`, ``, Torn},
		{`a="x\"`, ``, Torn},
		{`a="x\`, ``, Torn},
		{`a=1 b="x"y=2`, `a=1;`, BadSyntax},
		{`a=1 b=x"y"`, `a=1;`, BadSyntax},
		{`a=1 "b"=2`, `a=1;`, BadSyntax},
		{`a=1 =2`, `a=1;`, BadSyntax},
		{`a=1 stray b=2`, `a=1;`, BadSyntax},
	} {
		var p pairs
		p.unescaped = []byte("old")
		p.reset([]byte(c.line))
		var got []string
		for {
			key, value, ok := p.next()
			if !ok {
				break
			}
			got = append(got, string(key)+"="+string(value)+";")
		}
		if text := strings.Join(got, ""); text != c.want || p.failed != c.failed {
			t.Errorf("%q: got %q, %v, want %q, %v", c.line, text, p.failed, c.want, c.failed)
		}
	}
}
