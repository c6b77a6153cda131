use std::collections::BTreeMap;

use serde_json::json;

use crate::{Error, Misread, Template};

fn rendered(template: &str) -> Result<String, Error> {
    let order = json!({
        "id": 7,
        "price": 1.5,
        "whole": 2.0,
        "name": "tea & \"milk\"",
        "items": ["a", {"b": 1}],
        "odd-name": "dashed",
        "nested": {"deep": [1, 2, 3]},
        "no": false,
        "none": null,
    });
    let names = BTreeMap::from([("order".to_owned(), order.into())]);
    Template::read(template).unwrap().render(names)
}

#[test]
fn templates_become_text() {
    for (template, expected) in [
        ("plain $ text # 5$ #fff", "plain $ text # 5$ #fff"),
        (
            "$order.id,${order.id}x,$!order.id,$!{order.id}.",
            "7,7x,7,7.",
        ),
        ("$order.name", "tea & \"milk\""),
        ("$order.price $order.whole", "1.5 2.0"),
        ("[$order.missing$!order.none$nobody]", "[]"),
        ("$order.items", "[\"a\",{\"b\":1}]"),
        ("$order.nested", "{deep=[1,2,3]}"),
        ("$order.odd-name", "dashed"),
        ("$order.items[0] $order['id'] $order.get('id')", "a 7 7"),
        ("$order.items.get(1).b $order.nested.deep[-1]", "1 3"),
        ("\\$order.id \\x", "$order.id \\x"),
        ("a## comment $order\nb #* more *# c", "ab  c"),
        ("#[[ $order.id ]]#", " $order.id "),
        ("#set($x = 1)\n$x", "1"),
        (
            "#set( $x = \"<$order.id>\" )$x#set($y='$order.id')$y",
            "<7>$order.id",
        ),
        ("#set($x = \"say \"\"$order.id\"\"\")$x", "say \"7\""),
        ("#set($x = 1 + 2 * 3 - -4)$x", "11"),
        ("#set($x = (1 + 2) * 3 % 4)$x", "1"),
        ("#set($x = 7 / 2)$x #set($x = 7.0 / 2)$x", "3 3.5"),
        ("#set($x = 'a' + 1)$x", "a1"),
        ("#set($x = 1 / 0)[$x]", "[]"),
        ("#set($x = 1)#set($x = $nobody)$x", "1"),
        (
            "#set($m = {'a': 1, \"b\": [1, 'x']})$m $m.b.size()",
            "{a=1, b=[1, x]} 2",
        ),
        (
            "#set($m = {})#set($m.a = 1)#set($m['b'] = 2)$m",
            "{a=1, b=2}",
        ),
        (
            "#set($l = [])#set($ok = $l.add('a'))$!{l.add(2)}$l",
            "true[a, 2]",
        ),
        (
            "#foreach($i in [1..3])$i#if($foreach.hasNext),#end#end",
            "1,2,3",
        ),
        (
            "#foreach($i in [3..1])$foreach.index:$i $velocityCount;#end",
            "0:3 1;1:2 2;2:1 3;",
        ),
        (
            "#foreach($k in $order.nested.keySet())$k=$order.nested.get($k)#end",
            "deep=[1,2,3]",
        ),
        ("#foreach($v in $order.nested)$v.size()#end", "3"),
        ("#foreach($i in $nobody)x#end", ""),
        ("#foreach($i in [1..9])#if($i > 2)#break#end$i#end.", "12."),
        (
            "#foreach($i in [1..2])#foreach($i in [5..6])$i$foreach.parent.index #end$i;#end$i",
            "50 60 1;51 61 2;",
        ),
        ("a#stop b", "a"),
        ("#if($order.id == 7)yes#{else}no#end", "yes"),
        ("#if($order.id == '7' && !$order.no)y#{end}es", "yes"),
        ("#if($order.none)a#elseif($order.id >= 8)b#else c#end", " c"),
        (
            "#if($order.id ge 7 and not ($order.id lt 7 or false))y#end",
            "y",
        ),
        ("#if($order.missing == $null && '' != $null)y#end", "y"),
        ("#if('')y#end#if(0)y#end", "yy"),
        ("#if(\"$!order.missing\" == \"\")y#end", "y"),
        ("#if($order.id > 'a')n#{else}y#end", "y"),
        (
            "#set($s = ' A,b,,c,, ')$s.trim().toLowerCase().split(',').size()",
            "4",
        ),
        (
            "$order.name.replaceAll('\"', '\\\\\"')",
            "tea & \\\"milk\\\"",
        ),
        (
            "$order.name.replaceAll('(t)(e)', '$2$1-')",
            "et-a & \"milk\"",
        ),
        ("$order.name.substring(0, 3).concat('pot').length()", "6"),
        (
            "$order.name.indexOf('&') $order.name.contains('milk') $order.name.startsWith('x')",
            "4 true false",
        ),
        (
            "$order.name.matches('tea.*') $order.name.matches('tea')",
            "true false",
        ),
        (
            "#set($parts = 'a/b/c'.split('/'))$parts.get(1)$parts[2]",
            "bc",
        ),
        (
            "$order.items.isEmpty() $order.containsKey('id') $order.size()",
            "false true 9",
        ),
        ("#set($x = 10000000.0)$x", "1.0E7"),
        (
            "#foreach($e in $order.nested.entrySet())$e.key$e.getValue()#end",
            "deep[1,2,3]",
        ),
        (
            "{\"a\": \"$order.id\", \"b\": {#if(true)\n\"c\": 1\n#end}}",
            "{\"a\": \"7\", \"b\": {\"c\": 1\n}}",
        ),
    ] {
        // A string is no beginning of a reference: it is set first.
        let template = template.replace("'a/b/c'.split", "$path.split");
        let template = format!("#set($path = 'a/b/c'){template}");
        assert_eq!(rendered(&template).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn what_cannot_be_read_is_told_with_its_line() {
    for (template, line, why) in [
        ("a\n#if(true)", 2, "an `#if` has no `#end`"),
        ("\n\n#end", 3, "`#end` ends nothing"),
        ("#else", 1, "`#else` belongs to no `#if`"),
        ("#if(true)#else#else#end", 1, "`#else` must be the last"),
        ("#foreach($x in $y)", 1, "a `#foreach` has no `#end`"),
        (
            "#foreach(x in $y)#end",
            1,
            "a loop is written `#foreach($item in $items)`",
        ),
        ("#set(x = 1)", 1, "`#set` sets a reference: `#set($x = 1)`"),
        ("#set($x = )", 1, "`)` is no expression"),
        ("#set($x = 1", 1, "it ends where `)` should be"),
        ("#set($x = foo)", 1, "`foo` is no expression"),
        (
            "#set($x = \"a)",
            1,
            "a string in double quotes does not end",
        ),
        ("${x", 1, "the reference `${x` does not end with `}`"),
        ("$x.call(1", 1, "it ends where `,` should be"),
        ("#macro(x)#end", 1, "the statement `#macro` is not built"),
        ("#parse('x')", 1, "the statement `#parse` is not built"),
        ("#*", 1, "a comment `#*` does not end"),
    ] {
        let why = why.to_owned();
        assert_eq!(
            Template::read(template),
            Err(Misread { line, why }),
            "{template}"
        );
    }
    let deep = "#if(true)".repeat(10_000);
    assert_eq!(
        Template::read(&deep).unwrap_err().why,
        "it is nested too deeply"
    );
    let deep = format!("#set($x = {}", "(".repeat(10_000));
    assert_eq!(
        Template::read(&deep).unwrap_err().why,
        "it is nested too deeply"
    );
    let deep = format!("#set($x = {}", "-".repeat(100_000));
    assert_eq!(
        Template::read(&deep).unwrap_err().why,
        "it is nested too deeply"
    );
}

#[test]
fn what_cannot_be_rendered_ends() {
    let unknown = Error::NoMethod {
        of: "a string",
        name: "explode".into(),
        arguments: 1,
    };
    assert_eq!(rendered("$order.name.explode(1)"), Err(unknown));
    assert!(matches!(
        rendered("$order.name.substring(99)"),
        Err(Error::Failed(_))
    ));
    assert!(matches!(
        rendered("$order.name.replaceAll('(', '')"),
        Err(Error::Failed(_))
    ));
    let forever = "#foreach($a in [1..50000])#foreach($b in [1..50000])x#end#end";
    assert_eq!(rendered(forever), Err(Error::TooLong));
    assert_eq!(rendered("#set($x = [1..900000])"), Err(Error::TooLong));
    let doubled = "#set($x = 'xxxxxxxx')#foreach($i in [1..99])#set($x = $x + $x)#end";
    assert_eq!(rendered(doubled), Err(Error::TooLarge));
    let doubled = "#set($x = 'xxxxxxxx')#foreach($i in [1..99])#set($x = \"$x$x\")#end";
    assert_eq!(rendered(doubled), Err(Error::TooLarge));
    // What holds itself has no end.
    assert_eq!(rendered("#set($l = [])$l.add($l)"), Err(Error::TooDeep));
    let twisted = "#set($l = [])#set($m = {'l': $l})#set($l = [$m])$m.put('l', $l)";
    assert_eq!(rendered(twisted), Err(Error::TooDeep));
    let deep = "#set($l = [])#foreach($i in [1..999])#set($l = [$l])#end";
    assert_eq!(rendered(deep), Err(Error::TooDeep));
    let wide = "#set($l = ['x'])#foreach($i in [1..60])#set($l = [$l, $l])#end$l";
    assert_eq!(rendered(wide), Err(Error::TooLarge));
}
