-- Quarto's markdown for plain pandoc, first step: content for one format only, callouts, tabsets,
-- notes below tables, and on screen the list of the data tables, which are folded up beneath what they belong to.
-- Words come from `_language-<lang>.yml`, the file that Quarto reads too.

local on_screen = FORMAT:match("html") ~= nil
local stringify = pandoc.utils.stringify
local titles = { note = "Note", tip = "Tip", warning = "Warning", important = "Important", caution = "Caution" }

local function read_titles(meta)
  for kind in pairs(titles) do
    local found = meta["callout-" .. kind .. "-title"]
    if found then titles[kind] = stringify(found) end
  end
end

local function names_this_format(name)
  if name == "html" then return on_screen end
  if name == "pdf" then return FORMAT == "typst" end
  return FORMAT == name
end

local function is_hidden(div)
  local applies = true
  if div.attributes["when-format"] then applies = names_this_format(div.attributes["when-format"]) end
  if div.attributes["unless-format"] then applies = not names_this_format(div.attributes["unless-format"]) end
  if div.classes:includes("content-visible") then return not applies end
  return div.classes:includes("content-hidden") and applies
end

local function callout_kind(div)
  for _, class in ipairs(div.classes) do
    local kind = class:match("^callout%-(%a+)$")
    if kind then return kind end
  end
end

local function callout(div, kind)
  local title
  if div.content[1] and div.content[1].t == "Header" then
    title = div.content:remove(1).content
  else
    title = pandoc.Inlines(div.attributes.title or titles[kind] or kind)
  end
  local head = pandoc.Para({ pandoc.Strong(title) })
  if FORMAT == "typst" then
    div.content:insert(1, pandoc.RawBlock("typst", '#callout("' .. kind .. '")['))
    div.content:insert(2, head)
    div.content:insert(pandoc.RawBlock("typst", "]"))
    return div.content
  elseif FORMAT == "docx" then
    div.content:insert(1, head)
    return pandoc.Div(div.content, { ["custom-style"] = "Callout" })
  end
  div.content:insert(1, pandoc.Div(head, { class = "callout-title" }))
  div.classes:insert("callout")
  div.attributes.role = "note"
  return div
end

local function tabset(div)
  local blocks, open = pandoc.Blocks({}), false
  for _, block in ipairs(div.content) do
    if block.t == "Header" and on_screen then
      local close = open and "</details>" or ""
      blocks:insert(pandoc.RawBlock("html", close .. "<details open><summary>" .. stringify(block) .. "</summary>"))
      open = true
    elseif block.t == "Header" then
      blocks:insert(pandoc.Para({ pandoc.Strong(block.content) }))
    else
      blocks:insert(block)
    end
  end
  if open then blocks:insert(pandoc.RawBlock("html", "</details>")) end
  return blocks
end

local function printed_notes(div)
  if FORMAT ~= "typst" or not div.classes:includes("table-notes") then return nil end
  div.content:insert(1, pandoc.RawBlock("typst", "#notes["))
  div.content:insert(pandoc.RawBlock("typst", "]"))
  return div.content
end

-- Each data table is listed by the exhibit above it: that is where it opens.
local function list_of_data_tables(doc)
  if not on_screen then return nil end
  local items, exhibit = pandoc.List({}), nil
  doc:walk({
    traverse = "topdown",
    Div = function(div)
      if div.identifier:match("^fig%-") or div.identifier:match("^tbl%-") then exhibit = div.identifier end
      if div.classes:includes("data-table") and exhibit then
        items:insert({ pandoc.Plain({ pandoc.Link(div.attributes.title or "", "#" .. exhibit) }) })
      end
    end,
  })
  return doc:walk({
    Div = function(div)
      if div.identifier ~= "data-appendix" then return nil end
      div.content = pandoc.Blocks({ pandoc.BulletList(items) })
      return div
    end,
  })
end

return {
  { Meta = read_titles }, -- a pass of its own: within one pass Meta comes last
  {
    Div = function(div)
      if is_hidden(div) then return {} end
      local kind = callout_kind(div)
      if kind then return callout(div, kind) end
      if div.classes:includes("panel-tabset") then return tabset(div) end
      return printed_notes(div)
    end,
  },
  { Pandoc = list_of_data_tables },
}
