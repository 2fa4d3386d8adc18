-- Numbers for figures, tables, equations and sections, and references to them, for plain pandoc.
-- An unknown reference stops the build. In Word the numbers of figures and tables are fields that hold what
-- they show (SEQ), references to them fields too (REF), and so are the lists of both (TOC): whoever adds a
-- figure updates them with one key.

local on_screen = FORMAT:match("html") ~= nil
local stringify = pandoc.utils.stringify
local nbsp = "\u{a0}"
local names = {
  ["crossref-fig-title"] = "Figure", ["crossref-tbl-title"] = "Table",
  ["crossref-eq-prefix"] = "Equation", ["crossref-sec-prefix"] = "Section",
  ["crossref-ch-prefix"] = "Chapter", ["lof-title"] = "Figures", ["lot-title"] = "Tables",
}
local name_key = { fig = "crossref-fig-title", tbl = "crossref-tbl-title", eq = "crossref-eq-prefix" }
local targets, counts, section = {}, {}, { 0, 0, 0, 0, 0, 0 }
local chapter = "" -- number of the chapter with a dot, empty in unnumbered ones
local in_word = FORMAT == "docx"
local sequence = { fig = "Figure", tbl = "Table" } -- names of Word's counters, in every language
local listed = { fig = {}, tbl = {} } -- in Word: place and text of each entry
local bookmarks = 0

local function read_names(meta)
  for key in pairs(names) do
    if meta[key] then names[key] = stringify(meta[key]) end
  end
end

local function register(id, kind)
  counts[kind] = (counts[kind] or 0) + 1
  local number = chapter .. counts[kind]
  targets[id] = { name = names[name_key[kind]], number = number }
  return number
end

local function heading(header)
  local numbered = not header.classes:includes("unnumbered")
  if numbered then
    section[header.level] = section[header.level] + 1
    for level = header.level + 1, 6 do section[level] = 0 end
  end
  if header.level == 1 then
    counts = {}
    chapter = numbered and (section[1] .. ".") or ""
  end
  if header.identifier:match("^sec%-") then
    local key = header.level == 1 and "crossref-ch-prefix" or "crossref-sec-prefix"
    if numbered and chapter ~= "" then
      targets[header.identifier] = { name = names[key], number = table.concat(section, ".", 1, header.level) }
    else
      targets[header.identifier] = { name = "“" .. stringify(header) .. "”" }
    end
  end
end

local function typst_text(text)
  return (text:gsub('[\\"]', "\\%0"))
end

-- One image with its alternative text, in the kind that the format takes.
local function image(found, alt)
  found.attributes["fig-alt"] = nil
  if FORMAT == "typst" then
    return pandoc.RawInline("typst", '#image("' .. found.src .. '", alt: "' .. typst_text(alt) .. '")')
  end
  if FORMAT == "docx" then found.src = found.src:gsub("%.svg$", ".png") end
  found.caption = pandoc.Inlines(alt)
  return found
end

local function take_caption(div)
  for position, block in ipairs(div.content) do
    if block.t == "Div" and block.classes:includes("caption") then
      div.content:remove(position)
      return pandoc.utils.blocks_to_inlines(block.content)
    end
  end
  return pandoc.Inlines({})
end

local function openxml(text)
  return pandoc.RawInline("openxml", text)
end

local function xml_text(text)
  return (text:gsub("[&<>\"]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }))
end

local function run(text, look)
  return "<w:r>" .. (look or "") .. '<w:t xml:space="preserve">' .. xml_text(text) .. "</w:t></w:r>"
end

-- The name of a bookmark: letters, digits and underscores, forty at most; with the first one it is hidden.
local function place_of(id)
  return ("_" .. id:gsub("[^%w]", "_")):sub(1, 40)
end

-- A caption whose number Word counts; references show what the bookmark encloses. A chapter's first number
-- begins anew by itself: LibreOffice counts through, whatever headings lie between.
local function counted_caption(id, kind, caption, number)
  local bold = "<w:rPr><w:b/><w:bCs/></w:rPr>"
  local name, own = names[name_key[kind]] .. nbsp .. chapter, number:sub(#chapter + 1)
  bookmarks = bookmarks + 1
  table.insert(listed[kind], { place = place_of(id), text = name .. own .. " " .. stringify(caption) })
  local full = pandoc.Inlines({
    openxml('<w:bookmarkStart w:id="' .. (900000 + bookmarks) .. '" w:name="' .. place_of(id) .. '"/>'),
    openxml(run(name, bold)),
    openxml('<w:fldSimple w:instr=" SEQ ' .. sequence[kind] .. ' \\* ARABIC' .. (own == "1" and " \\r 1" or "") .. ' ">' .. run(own, bold) .. "</w:fldSimple>"),
    openxml('<w:bookmarkEnd w:id="' .. (900000 + bookmarks) .. '"/>'), pandoc.Space() })
  full:extend(caption)
  return full
end

local function labelled_caption(id, kind, caption)
  local number = register(id, kind)
  if in_word then return counted_caption(id, kind, caption, number) end
  local full = pandoc.Inlines({ pandoc.Strong({ pandoc.Str(names[name_key[kind]] .. nbsp .. number) }), pandoc.Space() })
  full:extend(caption)
  return full
end

local function figure(div)
  local caption = labelled_caption(div.identifier, "fig", take_caption(div))
  local alt = div.attributes["fig-alt"] or ""
  local drawn = false
  local body = div.content:walk({ Image = function(found) drawn = true return image(found, alt) end })
  -- Word would lay a sentence in a chart's place into a table.
  if FORMAT == "docx" and not drawn then
    local named = pandoc.Div({ pandoc.Para(caption) }, { ["custom-style"] = "Image Caption" })
    return pandoc.Div({ pandoc.Div(body, { ["custom-style"] = "Callout" }), named }, { id = div.identifier })
  end
  local inner = pandoc.Figure(body, { long = { pandoc.Plain(caption) } }, { id = on_screen and "" or div.identifier })
  -- Pages find each other's divs by their ids, not figures.
  return on_screen and pandoc.Div({ inner }, { id = div.identifier }) or inner
end

local function tables(div)
  local caption, placed = labelled_caption(div.identifier, "tbl", take_caption(div)), false
  div.content = div.content:walk({
    Table = function(found)
      if not placed then
        found.caption.long, placed = { pandoc.Plain(caption) }, true
        return found
      end
    end,
  })
  if not placed then div.content:insert(1, pandoc.Para(caption)) end
  return div
end

local function cell(div)
  if div.identifier:match("^fig%-") then return figure(div), false end
  if div.identifier:match("^tbl%-") then return tables(div), false end
end

-- Word gives a formula a line of its own; a table without rules brings the number beside it.
local function numbered_in_word(id, math, number)
  local function cell(width, content)
    return { pandoc.RawBlock("openxml", '<w:tc><w:tcPr><w:tcW w:w="' .. width .. '" w:type="pct"/><w:vAlign w:val="center"/></w:tcPr>'),
      content, pandoc.RawBlock("openxml", "</w:tc>") }
  end
  local blocks = pandoc.Blocks({ pandoc.RawBlock("openxml",
    '<w:tbl><w:tblPr><w:tblW w:w="5000" w:type="pct"/><w:tblBorders><w:top w:val="nil"/><w:bottom w:val="nil"/></w:tblBorders></w:tblPr>'
    .. '<w:tblGrid><w:gridCol w:w="8200"/><w:gridCol w:w="980"/></w:tblGrid><w:tr>') })
  blocks:extend(cell(4460, pandoc.Para({ math })))
  blocks:extend(cell(540, pandoc.Div({ pandoc.Para({ pandoc.Str(number) }) }, { id = id, ["custom-style"] = "Equation Number" })))
  blocks:insert(pandoc.RawBlock("openxml", "</w:tr></w:tbl>"))
  return blocks
end

local function equation(para)
  local last = para.content[#para.content]
  local id = #para.content >= 2 and last.t == "Str" and last.text:match("^{#(eq%-[%w-]+)}$")
  if not id then return nil end
  local number = "(" .. register(id, "eq") .. ")"
  local math = para.content[1]
  local body
  if FORMAT == "docx" then return numbered_in_word(id, math, number) end
  if FORMAT == "typst" then
    body = { pandoc.RawInline("typst", "#numbered[" .. number .. "]["), math, pandoc.RawInline("typst", "]") }
  else
    body = { math, pandoc.Space(), pandoc.Str(number) }
  end
  return pandoc.Div({ pandoc.Para(body) }, { id = id, class = "equation" })
end

local function is_ours(id)
  return id:match("^fig%-") or id:match("^tbl%-") or id:match("^sec%-") or id:match("^eq%-")
end

local function data_title(div)
  if FORMAT ~= "docx" or not div.classes:includes("data-title") then return nil end
  div.attributes["custom-style"] = "Data Title"
  return div
end

local function reference(cite)
  local links = pandoc.Inlines({})
  for position, citation in ipairs(cite.citations) do
    if not is_ours(citation.id) then return nil end
    local target = targets[citation.id]
    if not target then error("unknown cross-reference @" .. citation.id) end
    if position > 1 then links:insert(pandoc.Str(", ")) end
    local text = target.name
    if target.number then text = text .. nbsp .. target.number end
    if in_word and sequence[citation.id:sub(1, 3)] then
      local look = '<w:rPr><w:rStyle w:val="Hyperlink"/></w:rPr>'
      links:insert(openxml('<w:fldSimple w:instr=" REF ' .. place_of(citation.id) .. ' \\h ">' .. run(text, look) .. "</w:fldSimple>"))
      goto continue
    end
    links:insert(pandoc.Link(text, "#" .. citation.id))
    ::continue::
  end
  return links
end

-- In the PDF a formula is read aloud as it is written in TeX: without any text it would be left out.
local function spoken(math)
  if FORMAT ~= "typst" then return nil end
  local block = math.mathtype == "DisplayMath" and "block: true, " or ""
  local tex = typst_text((math.text:gsub("%s+", " ")))
  return { pandoc.RawInline("typst", "#math.equation(" .. block .. 'alt: "' .. tex .. '", '), math, pandoc.RawInline("typst", ".body)") }
end

-- In print the last two rows stay together, so that no page begins with a single one: Typst keeps a foot
-- whole (`builtin.py` sees to it that the foot is not repeated).
local function ended(found)
  local body = found.bodies[#found.bodies]
  if FORMAT ~= "typst" or #found.foot.rows > 0 or not body or #body.body < 4 then return nil end
  local rows, last = pandoc.List({}), pandoc.List({})
  for number, row in ipairs(body.body) do
    (number > #body.body - 2 and last or rows):insert(row)
  end
  body.body = rows
  found.bodies[#found.bodies] = body
  found.foot = pandoc.TableFoot(last)
  return found
end

-- On screen a table that is wider than the page scrolls in a box of its own, by keyboard too.
local function scrolled(found)
  if not on_screen then return ended(found) end
  local name = stringify(found.caption.long)
  -- A list, not a table with names: its order is the same in every run.
  local attributes = { { "tabindex", "0" } }
  if name ~= "" then
    attributes[2], attributes[3] = { "role", "group" }, { "aria-label", name }
  end
  return pandoc.Div({ found }, pandoc.Attr("", { "scroll" }, attributes))
end

-- What every label is called, for whoever wants to know what changed since the last time.
local function list_of_labels(doc)
  if not doc.meta["labels-file"] then return nil end
  local lines = pandoc.List({})
  for id, target in pairs(targets) do lines:insert(id .. "\t" .. target.name .. "\t" .. (target.number or "")) end
  lines:sort()
  local file = assert(io.open(stringify(doc.meta["labels-file"]), "wb"))
  file:write(table.concat(lines, "\n"))
  file:close()
end

-- After the contents, before the first chapter: the lists of figures and of tables, as Word would make them.
local function lists_in_word(doc)
  if not in_word then return nil end
  local xml = {}
  for _, kind in ipairs({ "fig", "tbl" }) do
    local title = names[kind == "fig" and "lof-title" or "lot-title"]
    local style = function(name) return '<w:pPr><w:pStyle w:val="' .. name .. '"/></w:pPr>' end
    local mark = function(what) return '<w:r><w:fldChar w:fldCharType="' .. what .. '"/></w:r>' end
    local begin = mark("begin") .. '<w:r><w:instrText xml:space="preserve"> TOC \\h \\z \\c "' .. sequence[kind]
      .. '" </w:instrText></w:r>' .. mark("separate")
    if #listed[kind] > 0 then table.insert(xml, "<w:p>" .. style("TOCHeading") .. run(title) .. "</w:p>") end
    for position, entry in ipairs(listed[kind]) do
      table.insert(xml, "<w:p>" .. style("TableofFigures") .. (position == 1 and begin or "")
        .. '<w:hyperlink w:anchor="' .. entry.place .. '">' .. run(entry.text) .. "</w:hyperlink>"
        .. (position == #listed[kind] and mark("end") or "") .. "</w:p>")
    end
  end
  doc.blocks:insert(1, pandoc.RawBlock("openxml", table.concat(xml)))
  return doc
end

return {
  { Meta = read_names },
  { traverse = "topdown", Header = heading, Div = cell, Para = equation },
  { Cite = reference, Div = data_title, Table = scrolled, Math = spoken },
  { Pandoc = list_of_labels },
  { Pandoc = lists_in_word },
}
