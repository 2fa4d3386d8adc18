-- What no line may break: words that dictionaries of line breaks take apart (ร้อย|ละ), a number and the
-- word before it, a span of years. Runs in both roads; Word brings a dictionary of its own.

local words = {
  en = {},
  th = {
    "ร้อยละ", "จุดร้อยละ", "พันคน", "ล้านคน", "ล้านบาท", "ความเชื่อมั่น", "ค่าประมาณ", "ค่าเฉลี่ย", "มัธยฐาน", "สัดส่วน",
    "สูงสุด", "ต่ำสุด", "สูงกว่า", "ต่ำกว่า", "มากกว่า", "น้อยกว่า", "รองลงมา", "ขึ้นไป", "ทำงาน", "มีงานทำ", "ผู้มีงานทำ",
    "ว่างงาน", "จ้างงาน", "จำแนก", "เผยแพร่", "ภาคกลาง", "ภาคเหนือ", "ภาคใต้", "เฉียงเหนือ", "บิดามารดา", "คู่สมรส",
    "ย้ายถิ่น", "ผู้ย้ายถิ่น", "ตลอดชีพ", "รายปี", "นัยสำคัญ", "แรงงาน", "ต่างประเทศ", "ระหว่างประเทศ", "ที่อยู่", "ตัวอย่าง",
    "ตัวชี้วัด", "ครัวเรือน", "เขตแจงนับ", "ชั้นภูมิ", "องศาอิสระ", "ถ่วงน้ำหนัก", "คลาดเคลื่อน", "มาตรฐาน", "แปรปรวน",
    "แปรผัน", "ยอดรวม", "ผลต่าง", "แนวโน้ม", "รายงาน", "ปัจจุบัน", "ล่าสุด", "ข้อมูล", "ข้อผิดพลาด", "ตรวจสอบ", "เชื่อมโยง",
    "ตรงกัน", "อื่น\u{a0}ๆ", "พ.ศ.",
  },
}
-- Words that the number after them belongs to.
local counted = { "ร้อยละ", "พ.ศ." }
local span_of_years = "%d%d%d%d–%d%d%d%d"

local function ends_counted(text)
  for _, word in ipairs(counted) do
    if text:sub(-#word) == word then return true end
  end
  return false
end

-- A space between such a word and its number does not break.
local function joined(inlines)
  local out = pandoc.Inlines({})
  for _, inline in ipairs(inlines) do
    local gap, word = out[#out], out[#out - 1]
    if inline.t == "Str" and inline.text:match("^%d") and gap and gap.t == "Space"
      and word and word.t == "Str" and ends_counted(word.text) then
      out:remove()
      word.text = word.text .. "\u{a0}" .. inline.text
      out[#out] = word
    else
      out:insert(inline)
    end
  end
  return out
end

-- The number that belongs to a word, from a position on: a percentage, a year or a span of years.
local function number_after(text, from)
  for _, pattern in ipairs({ "^\u{a0}" .. span_of_years, "^\u{a0}[%d.,]*%d" }) do
    local _, last = text:find(pattern, from)
    if last then return last end
  end
  return from - 1
end

local function next_word(text, from)
  local first, last = text:find(span_of_years, from)
  for _, word in ipairs(words.here) do
    local a, b = text:find(word, from, true)
    if a and (not first or a < first or (a == first and b > last)) then first, last = a, b end
  end
  if first then return first, number_after(text, last + 1) end
end

local function whole(text)
  if FORMAT == "typst" then
    return { pandoc.RawInline("typst", "#box["), pandoc.Str(text), pandoc.RawInline("typst", "];") }
  end
  return { pandoc.Span({ pandoc.Str(text) }, { class = "unbroken" }) }
end

local function kept_whole(str)
  local out, from = pandoc.Inlines({}), 1
  local first, last = next_word(str.text, from)
  if not first then return nil end
  while first do
    if first > from then out:insert(pandoc.Str(str.text:sub(from, first - 1))) end
    out:extend(whole(str.text:sub(first, last)))
    from = last + 1
    first, last = next_word(str.text, from)
  end
  if from <= #str.text then out:insert(pandoc.Str(str.text:sub(from))) end
  return out
end

-- Titles and other metadata stay as they are: they become properties of the document too.
local function body(doc)
  words.here = doc.meta.lang and words[pandoc.utils.stringify(doc.meta.lang):sub(1, 2)]
  if not words.here then return nil end
  doc.blocks = doc.blocks:walk({ Inlines = joined }):walk({ Str = kept_whole })
  return doc
end

if not (FORMAT:match("html") or FORMAT == "typst") then return {} end
return { { Pandoc = body } }
