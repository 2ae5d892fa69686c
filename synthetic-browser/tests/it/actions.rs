//! What is done with elements.

use synthetic_core::prelude::*;

use crate::support::{in_each_browser, works};

/// Writes what happens to a field into a list.
const LISTENING: &str = "<ol id=log style='position:absolute;top:200px;left:600px'></ol><script>
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

#[test]
fn choices_are_made_as_a_person_makes_them() {
    in_each_browser(|browser| async move {
        let form = "<label>Colour <select id=a><option value=r>Red</option><option>Blue</option></select></label>
            <select id=b multiple><option>1</option><option>2</option><option>3</option></select>
            <label><input id=c type=checkbox> I agree</label>
            <input type=radio name=x id=d checked><input type=radio name=x id=e>
            <div role=switch aria-checked=false id=f tabindex=0>Dark</div>
            <script>f.onclick = () => f.ariaChecked = f.ariaChecked !== 'true'</script>";
        works(&browser, &format!("{LISTENING}{form}"), |page| async move {
            page.label("Colour").select("r").await?;
            page.label("Colour").value(eq("r".to_owned())).await?;
            page.label("Colour").select("Blue").await?;
            page.label("Colour").value(eq("Blue".to_owned())).await?;
            page.id("log").find_text("change a").last().visible().await?;
            page.id("b").select_all(["1", "3"]).await?;
            let chosen: Vec<String> = page.evaluate_as("[...b.selectedOptions].map(o => o.value)").await?;
            assert_eq!(chosen, ["1", "3"]);
            page.label("I agree").check().await?;
            page.label("I agree").checked().await?;
            page.label("I agree").check().await?;
            page.label("I agree").uncheck().await?;
            page.label("I agree").unchecked().await?;
            page.id("e").check().await?;
            page.id("d").unchecked().await?;
            page.role("switch", "Dark").check().await?;
            page.id("f").attribute("aria-checked", "true").await
        })
        .await;
    });
}

#[test]
fn the_mouse_hovers_and_files_go_up() {
    in_each_browser(|browser| async move {
        let form = "<button id=menu>Menu</button><p id=tip hidden>Tip</p><input type=file id=file multiple style='display:none'>
            <p id=names></p><script>
            menu.onmouseover = () => tip.hidden = false;
            file.onchange = async () => names.textContent = (await Promise.all([...file.files].map(async f => f.name + ' ' + await f.text()))).join(', ')
            </script>";
        works(&browser, form, |page| async move {
            page.id("tip").hidden().await?;
            page.button("Menu").hover().await?;
            page.id("tip").visible().await?;
            let folder = tempfile::tempdir()?;
            std::fs::write(folder.path().join("a.txt"), "one")?;
            std::fs::write(folder.path().join("b.txt"), "two")?;
            page.id("file").upload([folder.path().join("a.txt"), folder.path().join("b.txt")]).await?;
            page.id("names").text("a.txt one, b.txt two").await
        })
        .await;
    });
}

#[test]
fn an_action_waits_until_the_element_is_fit_for_it() {
    in_each_browser(|browser| async move {
        let late = "<style>@keyframes go { from { margin-left: 300px } } .go { animation: go 300ms }</style>
            <div id=place></div><p id=done></p><script>
            setTimeout(() => {
                place.innerHTML = '<button id=b disabled class=go>Buy</button><div id=over style=\"position:fixed;inset:0\">wait</div>';
                b.onclick = () => done.textContent = 'bought';
                setTimeout(() => b.disabled = false, 200);
                setTimeout(() => over.remove(), 500);
            }, 200)</script>";
        works(&browser, late, |page| async move {
            page.button("Buy").click().await?;
            page.id("done").text("bought").await
        })
        .await;
    });
}

#[test]
fn elements_in_open_shadow_roots_are_found_and_used() {
    in_each_browser(|browser| async move {
        let html = "<my-form></my-form><script>customElements.define('my-form', class extends HTMLElement { constructor() { super();
            this.attachShadow({ mode: 'open' }).innerHTML = '<label>Name <input id=n></label><button>Send</button><p id=out></p>';
            this.shadowRoot.querySelector('button').onclick = () =>
                this.shadowRoot.getElementById('out').textContent = 'sent ' + this.shadowRoot.getElementById('n').value; } })</script>";
        works(&browser, html, |page| async move {
            page.label("Name").fill("Ada").await?;
            page.css("my-form").button("Send").click().await?;
            page.id("out").text("sent Ada").await
        })
        .await;
    });
}

#[test]
fn half_an_emoji_and_a_field_named_children_are_what_pages_have() {
    in_each_browser(|browser| async move {
        let html = "<p id=broken></p><form><input name=children><p>Guests</p></form>
            <script>console.log('😀'.slice(0, 1)); broken.textContent = 'half ' + '😀'.slice(0, 1)</script>";
        works(&browser, html, |page| async move {
            page.id("broken").text("half \u{fffd}").await?;
            page.text("Guests").visible().await?;
            let told: String = page.evaluate_as("'😀'.slice(1)").await?;
            assert_eq!(told, "\u{fffd}");
            Ok(())
        })
        .await;
    });
}

#[test]
fn a_click_that_another_element_would_receive_is_kept_from_it_and_made_again() {
    in_each_browser(|browser| async move {
        // What moves as the mouse comes near, and what comes in front of it.
        for moves in [
            "addEventListener('pointermove', () => b.style.marginTop = '300px', { once: true })",
            "addEventListener('pointermove', () => {
                const cover = document.createElement('div');
                cover.id = 'cover';
                cover.style = 'position:fixed;inset:0;z-index:9';
                document.body.append(cover);
                setTimeout(() => cover.remove(), 300);
            }, { once: true, capture: true })",
        ] {
            let page = format!("{LISTENING}<button id=b>Save</button><script>{moves}</script>");
            works(&browser, &page, |page| async move {
                page.id("b").click().await?;
                page.id("log").find_text("click b true").count(1_usize).await?;
                page.id("log").find_text("click cover").count(0_usize).await
            })
            .await;
        }
    });
}

#[test]
fn a_field_may_write_what_is_filled_in_as_it_likes() {
    in_each_browser(|browser| async move {
        let fields = "<input id=d maxlength=3 value=xyz>
            <input id=e oninput='this.value = this.value.replace(/(\\d)(\\d{3})/, \"$1,$2\")' value=1,000>";
        works(&browser, fields, |page| async move {
            page.id("d").fill("abcdef").await?;
            page.id("d").value(eq("abc".to_owned())).await?;
            page.id("e").fill("1000").await?;
            page.id("e").value(eq("1,000".to_owned())).await
        })
        .await;
    });
}
