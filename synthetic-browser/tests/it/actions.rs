//! What is done with elements.

use synthetic_core::prelude::*;

use crate::support::{in_each_browser, works};

/// Writes what happens to a field into a list.
const LISTENING: &str = "<ol id=log></ol><script>
    for (const kind of ['input', 'change', 'click', 'dblclick', 'contextmenu', 'keydown', 'mouseover'])
        document.addEventListener(kind, event => {
            if (event.target.id) log.append(Object.assign(document.createElement('li'),
                { textContent: `${kind} ${event.target.id} ${event.isTrusted} ${event.key ?? ''}`.trim() }));
        });
    </script>";

#[test]
fn a_click_is_received_as_a_persons() {
    in_each_browser(|browser| async move {
        works(
            &browser,
            &format!("{LISTENING}<div style='height:3000px'></div><button id=b>Save</button>"),
            |page| async move {
                page.button("Save").click().await?;
                page.id("log").find_text("click b true").visible().await?;
                page.id("b").double_click().await?;
                page.id("log").find_text("dblclick b true").visible().await?;
                page.id("b").right_click().await?;
                page.id("log").find_text("contextmenu b true").visible().await
            },
        )
        .await;
    });
}

#[test]
fn a_field_is_filled_whatever_is_in_it() {
    in_each_browser(|browser| async move {
        let fields = "<input id=a value=old><textarea id=b>old\ntext</textarea><div id=c contenteditable>old</div>
            <input id=d type=date><input id=e type=email value=x@y.example><input id=f type=number>";
        works(&browser, &format!("{LISTENING}{fields}"), |page| async move {
            for (id, value) in
                [("a", "new"), ("b", "new"), ("d", "2026-11-21"), ("e", "canary@shop.example"), ("f", "12.5")]
            {
                page.id(id).fill(value).await?;
                page.id(id).value(eq(value.to_owned())).await?;
            }
            page.id("c").fill("new").await?;
            page.id("c").text(eq("new".to_owned())).await?;
            page.id("a").fill("").await?;
            page.id("a").value(is_empty()).await?;
            page.id("a").type_text("a B+é").await?;
            page.id("a").value(eq("a B+é".to_owned())).await?;
            page.id("log").find_text("input a true").first().visible().await?;
            page.id("a").press("Control+A").await?;
            page.press("Backspace").await?;
            page.id("a").value(is_empty()).await
        })
        .await;
    });
}
