"""Portuguese of Portugal and Brazil, a starter."""

from worker.classify.languages.language import Language, phrases, weighted, words

PORTUGUESE = Language(
    code="pt",
    small=words(
        """
            o a os as de do da dos das e é não que em um uma por com para me se no na nos nas eu meu minha muito
            mas mais como ao foi está ser são tem ter já até só sem também quando ou pelo pela ele ela isso este
            esta nem ainda estou fui era há num numa ninguém nada depois porque vezes você vocês produto entrega
            pra seu sua
        """
    ),
    polar=weighted(
        good_0="""
        boa noite, boa tarde, bom dia, boas festas, tudo bem, de qualidade, qualidade do produto, o mais rápido,
        mais rápido, mais rapido, ainda não tive, ainda não testei, ainda não usei, ainda nao testei, ainda nao
        usei, ainda não pude, ainda não instalei, bom seria, pequeno problema
    """,
        good_3="""
        excelente, excelentes, ótimo, ótima, ótimos, ótimas, otimo, otima, óptimo, óptima, perfeito, perfeita,
        perfeitamente, maravilhoso, maravilhosa, fantástico, fantástica, incrível, sensacional, espetacular,
        amei, adorei, impecável, nota 10, nota dez, muito bom, muito boa, muito bem, muito satisfeito, muito
        satisfeita, super recomendo, show, melhor loja, antes do prazo, bem antes, parabéns, parabens, top,
        excepcional, 5 estrelas, cinco estrelas
    """,
        good_2="""
        bom, bons, boas, satisfeito, satisfeita, contente, feliz, gostei, gosto, gostamos, recomendo,
        recomendado, recomendaria, simpático, simpática, atencioso, atenciosa, atenciosos, educado, educada,
        profissional, profissionais, eficiente, eficaz, confiável, confiança, lindo, linda, lindos, bonito,
        bonita, tudo certo, tudo ok, sem problemas, sem problema, nenhum problema, conforme anunciado, conforme
        esperado, conforme descrito, como esperado, dentro do prazo, no prazo, resolvido, resolveram, agradável,
        agradeço, vale a pena, comprarei novamente, compraria novamente, compro novamente, superou, excelência,
        prestável, boa qualidade, ótima qualidade, de ótima qualidade, de boa qualidade, excelente qualidade,
        indico, super indico, adoro, dentro do esperado, no tempo esperado, atendeu as expectativas, atendeu
        minhas expectativas, atendeu todas, chegou antes do prazo, entregue antes, muito obrigado, muito
        obrigada, nada a reclamar, nada tenho a reclamar, sem reclamações, cumpre os prazos, foi tudo bem,
        correu tudo bem, confio, nota mil, maravilha
    """,
        good_1="""
        rápido, rápida, rapida, rapidamente, rapidez, fácil, simples, certinho, direitinho, chegou rápido,
        chegou antes, pontual, barato, útil, prático, original, ágil, bem embalado, seguro, funciona bem, limpo,
        obrigado, obrigada, de acordo, certo, boa, boa qualidade, ótima qualidade, tudo certinho, legal,
        atendeu, cumpriu, compensa, conforme, confortável, confortavel, igual ao anunciado, igual a foto, igual
        do site, melhor, antes do esperado, dentro do previsto, chegou bem, bem feito, bem atendido, muito util,
        rapido, muito rápido, correto, correta, valeu
    """,
        bad_3="""
        péssimo, péssima, pessimo, pessima, péssimos, horrível, horrivel, terrível, terrivel, ruim demais,
        vergonha, vergonhoso, inaceitável, inadmissível, absurdo, palhaçada, golpe, fraude, roubo, ladrões,
        enganado, enganada, enganação, engano, mentira, mentiras, mentirosos, nunca mais, lixo, porcaria, merda,
        pior, piores, descaso, desrespeito, falta de respeito, revoltado, revoltada, indignado, indignada,
        furioso, desastre, pesadelo, não comprem, não compre, propaganda enganosa, incompetentes, incompetência,
        burla, vergonhosa, lamentável, decepção total
    """,
        bad_2="""
        ruim, ruins, mau, má, maus, mal, fraco, fraca, decepcionado, decepcionada, decepcionante, decepção,
        desapontado, desapontada, desiludido, desiludida, insatisfeito, insatisfeita, chateado, chateada,
        triste, frustrado, frustrada, frustrante, reclamação, reclamar, reclamei, reclamações, queixa, problema,
        problemas, erro, errado, errada, erros, defeito, defeituoso, defeituosa, quebrado, quebrada, quebrou,
        danificado, danificada, avaria, avariado, rasgado, amassado, estragado, falso, falsificado, atraso,
        atrasou, atrasado, atrasada, atrasos, demora, demorou, demorado, demorada, demoram, fora do prazo,
        lento, lenta, lentidão, caro, cara, caríssimo, não chegou, nao chegou, não recebi, nao recebi, não veio,
        nao veio, não foi entregue, até agora não, até agora nada, até o momento, não entregue, não entregaram,
        não funciona, nao funciona, não funcionou, nao funcionou, não gostei, nao gostei, não recomendo, nao
        recomendo, não presta, não serve, não serviu, não resolve, não resolveram, não responde, não respondem,
        não atendem, sem resposta, nenhuma resposta, ninguém responde, ninguém atende, ninguém resolve, sem
        retorno, nenhum retorno, nenhuma satisfação, devolução, devolvi, estorno, reembolso, quero meu dinheiro,
        cobrado duas vezes, cobraram duas vezes, cobrança indevida, veio errado, veio faltando, faltando,
        faltou, só recebi, recebi apenas, recebi somente, recebi só, incompleto, incompleta, falta de, cancelar,
        cancelei, cancelado, difícil, impossível, complicado, mal educado, grosso, sujo, baixa qualidade, má
        qualidade, qualidade inferior, de má qualidade, péssima qualidade, frágil, avarias, rescindir, inferior,
        ainda não recebi, ainda nao recebi, ainda não chegou, ainda nao chegou, ainda não foi, ainda não veio,
        foi entregue apenas, entregue apenas, entregaram apenas, apenas um, apenas uma, apenas 1, só um, só uma,
        só veio, veio só, só chegou, só foi entregue, somente um, somente uma, recebi so, so recebi, so veio,
        faltam, não enviaram, nao enviaram, não foi enviado, não foi enviada, não mandaram, nada de chegar, não
        está funcionando, nao esta funcionando, venceu o prazo, prazo vencido, passou do prazo, esperava mais,
        não atendeu, não era o que, não é o que, não condiz, não corresponde, não é original, não cabe, não
        encaixa, não liga, não carrega, não compro mais, não compraria, não volto a comprar, última vez que
        compro, nunca chegou, nunca recebi, nada do produto, nada ainda, amassados, quebradas, quebrados,
        vazamento, desconforto, desbotado, ñ recebi, produto errado, tamanho errado, devolver o, quero devolver,
        mentir, enrolação, pouca qualidade, mais de um mês, mais de 30 dias, veio sem, vieram sem, cancelar o,
        nem responde, nem respondem, nem tentaram, direitos, procon, n recebi, cor errada
    """,
        bad_1="""
        esperando, esperar, espera, aguardando, aguardar, melhorar, poderia melhorar, deixou a desejar, deixa a
        desejar, várias vezes, de novo, outra vez, regular, mais ou menos, aumento, confuso, apertado, falta,
        tive que, infelizmente, porém, aguardo, aguardo resposta, ainda não, ainda nao, diferente, poderia ser,
        deveria ser, mais agilidade, quero saber, espero um retorno, pequeno
    """,
    ),
    negators=words("não nao nunca jamais sem nem nenhum nenhuma nada"),
    wishes=phrases("seria, poderia ser, deveria ser, podia ser, devia ser, tem que ser"),
    boosters={
        **dict.fromkeys(words("muito realmente totalmente extremamente super demais bastante tão absolutamente"), 1.4),
        **dict.fromkeys(words("pouco meio algo às levemente"), 0.6),
    },
    contrasts=words("mas porém contudo entretanto infelizmente apesar"),
    fillers=words("um uma o a os as de vou quero é foi"),
    neutral=phrases(
        "ok, normal, regular, nada, nenhum, não, nao, sim, sem comentários, não sei, razoável, mais ou menos"
    ),
)
